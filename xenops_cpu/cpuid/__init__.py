"""CPUID leaves and MSRs as values: of a CPU, of a policy, field by field, as feature words."""
