package settings

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// flagNamed finds the flag that a key stands for; nil if there is none.
func flagNamed(command *kong.Node, name string) *kong.Flag {
	for _, f := range command.Flags {
		if f.Name == name && name != "help" && name != FileFlag {
			return f
		}
	}
	return nil
}

// fault says what is wrong with a setting of a command, "" if nothing is.
func (s setting) fault(command *kong.Node) string {
	flag := flagNamed(command, s.name)
	switch {
	case flag == nil:
		return s.unknown(command)
	case s.list && !flag.IsSlice():
		return s.name + ": want one value, not a list"
	case s.list && len(s.values) == 0:
		return s.name + ": the list is empty: give a value, or leave the line out"
	}
	if slices.Contains(s.values, "") {
		return s.name + ": it has no value: give one, or leave the line out"
	}
	if text := faultOf(flag, s.text(flag)); text != "" {
		return s.name + ": " + text
	}
	return ""
}

// text is a value as the command line would have it.
func (s setting) text(flag *kong.Flag) string {
	if !s.list {
		return s.values[0]
	}
	return kong.JoinEscaped(s.values, flag.Tag.Sep)
}

// unknown says that there is no such key, and which one is meant.
func (s setting) unknown(command *kong.Node) string {
	for _, f := range command.Flags {
		if flagNamed(command, f.Name) != nil && nearly(s.name, f.Name) {
			return fmt.Sprintf("unknown key %s: %s is meant, perhaps", s.name, f.Name)
		}
	}
	return fmt.Sprintf("unknown key %s: the keys are the flags of \"ringfence %s --help\"", s.name, command.Name)
}

// nearly reports whether a name is another one but for how it is written, or
// for at most two letters.
func nearly(a, b string) bool {
	plain := func(s string) string {
		return strings.NewReplacer("-", "", "_", "", ".", "").Replace(strings.ToLower(s))
	}
	return plain(a) == plain(b) || distance(a, b) <= 2
}

// distance is how many letters must be changed, added or left out (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// faultOf tries a value on a flag, and says what is wrong with it.
func faultOf(flag *kong.Flag, text string) string {
	target := reflect.New(flag.Target.Type()).Elem()
	scan := kong.Scan().PushTyped(text, kong.FlagValueToken)
	if err := flag.Mapper.Decode(&kong.DecodeContext{Value: flag.Value, Scan: scan}, target); err != nil {
		switch target.Kind() {
		case reflect.Bool:
			return fmt.Sprintf("%q is neither true nor false", text)
		case reflect.Int, reflect.Int32, reflect.Int64:
			return fmt.Sprintf("%q is not a whole number", text)
		case reflect.Uint, reflect.Uint32, reflect.Uint64:
			return fmt.Sprintf("%q is not a whole number from 0 on", text)
		case reflect.Float64:
			return fmt.Sprintf("%q is not a number", text)
		default:
			return err.Error()
		}
	}
	if flag.Enum == "" {
		return ""
	}
	if slices.Contains(flag.EnumSlice(), text) {
		return ""
	}
	return fmt.Sprintf("%q is not one of %s", text, strings.Join(flag.EnumSlice(), ", "))
}
