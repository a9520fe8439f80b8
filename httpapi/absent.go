package httpapi

// text is null for "".
func text(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// list is an empty array for nil, not null.
func list[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}
