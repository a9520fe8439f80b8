package strictjson

import (
	"strings"
	"testing"
)

func TestLoneSurrogatesAreRefused(t *testing.T) {
	for body, lone := range map[string]bool{
		`"\ud83d\ude00 \u00e9 \\ud800 \n"`: false,
		`"\\\ud83d\ude00"`:                 false,
		`"a\ud800"`:                        true,
		`"\ud800\n"`:                       true,
		`"\ude00\ud83d"`:                   true,
		`"\ud83d\ud83d\ude00"`:             true,
		`"\\\ude00"`:                       true,
		`{"\uDFFF":1}`:                     true,
	} {
		_, _, err := Parse([]byte(body))
		if (err != nil) != lone || lone && !strings.Contains(err.Error(), "surrogate") {
			t.Errorf("%s: %v, lone %v", body, err, lone)
		}
	}
}
