"""The methods of the contract, answered from a source."""
