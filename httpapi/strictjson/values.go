package strictjson

import (
	"reflect"
	"strings"
)

// Values turns a value into what encoding/json would make of it if it were
// written and read again: maps, slices, strings, float64, bool and nil. It does
// so without the text in between. Types that write themselves (json.Marshaler)
// must not be among what v holds.
func Values(v any) any { return valueOf(reflect.ValueOf(v)) }

func valueOf(v reflect.Value) any {
	switch v.Kind() {
	case reflect.Invalid:
		return nil
	case reflect.String:
		return v.String()
	case reflect.Bool:
		return v.Bool()
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return float64(v.Int())
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return float64(v.Uint())
	case reflect.Pointer, reflect.Interface:
		return valueOf(v.Elem())
	case reflect.Slice:
		if v.IsNil() {
			return nil
		}
		out := make([]any, v.Len())
		for i := range out {
			out[i] = valueOf(v.Index(i))
		}
		return out
	case reflect.Map:
		if v.IsNil() {
			return nil
		}
		out := make(map[string]any, v.Len())
		for each := v.MapRange(); each.Next(); {
			out[each.Key().String()] = valueOf(each.Value())
		}
		return out
	case reflect.Struct:
		out := make(map[string]any, v.NumField())
		for i := range v.NumField() {
			name, option, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
			if option != "omitempty" || !v.Field(i).IsZero() {
				out[name] = valueOf(v.Field(i))
			}
		}
		return out
	}
	panic("strictjson: no JSON of a " + v.Kind().String())
}
