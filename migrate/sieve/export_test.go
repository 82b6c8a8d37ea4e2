package sieve

// AddressesIn returns the addresses of a field as :all has them.
func AddressesIn(value string) []string {
	var out []string
	f := &field{name: "to", raw: []byte(value)}
	for _, a := range addresses(f.unfolded()) {
		s, _ := a.part("all")
		out = append(out, s)
	}
	return out
}

// SetBudget makes a script cheaper to exhaust.
func (s *Script) SetBudget(n int) { s.budget = n }
