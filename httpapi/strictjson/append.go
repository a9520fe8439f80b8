package strictjson

import "unicode/utf8"

// Appender is a value that writes itself as Encode would write it, without a look at its type: what
// lists have many of.
type Appender interface {
	// AppendJSON appends the value to b.
	AppendJSON(b []byte) []byte
}

// AppendText appends a string as JSON.
func AppendText[S ~string](b []byte, s S) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c >= utf8.RuneSelf {
			text, _ := encode(string(s)) // a string is never refused
			return append(b, text[:len(text)-1]...)
		}
	}
	return append(append(append(b, '"'), s...), '"')
}

// AppendOptional appends a string, or null for nil.
func AppendOptional(b []byte, s *string) []byte {
	if s == nil {
		return append(b, "null"...)
	}
	return AppendText(b, *s)
}

// AppendTexts appends an array of strings.
func AppendTexts(b []byte, all []string) []byte {
	return AppendArray(b, all, AppendText[string])
}

// AppendArray appends an array, of which each appends an item.
func AppendArray[T any](b []byte, all []T, each func([]byte, T) []byte) []byte {
	b = append(b, '[')
	for i := range all {
		if i > 0 {
			b = append(b, ',')
		}
		b = each(b, all[i])
	}
	return append(b, ']')
}

// Append appends a value of any kind to b.
func Append(b []byte, v any) ([]byte, error) {
	if a, ok := v.(Appender); ok {
		return a.AppendJSON(b), nil
	}
	text, err := encode(v)
	if err != nil {
		return b, err
	}
	return append(b, text[:len(text)-1]...), nil
}
