package link

import "testing"

func TestHoldsToRoles(t *testing.T) {
	t.Parallel()
	for version, want := range map[string]bool{
		"3.4.23": false, "3.4.44": false, "3.5.21": false, "3.5.32": false, "3.5.33": true, "3.6.13": false, "3.6.14": true, "3.6.16": true,
		"3.7.0": false, "3.7.1": true, "3.7.3": true, "3.8.0": true, "4.0.0": true, "2.3.8": false, "3.7.0-rc.1": false, "": false, "unknown": false,
	} {
		if got := holdsToRoles(version); got != want {
			t.Errorf("%q: %v", version, got)
		}
	}
}
