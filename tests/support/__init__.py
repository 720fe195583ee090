"""What tests are made with: hosts, pools, reports, recorded calls, stand-ins."""
