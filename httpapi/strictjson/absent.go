package strictjson

// TextOrNull is null for "".
func TextOrNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// Array is an empty array for nil, not null.
func Array[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}
