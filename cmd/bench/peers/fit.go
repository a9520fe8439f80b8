package main

import (
	"context"
	"fmt"
	"slices"
)

// sizes are the workload's, in their order. Nothing is as small as none.
var sizes = []string{"none", "XS", "S", "M", "L", "2L"}

// fit is the version of a peer that is to be measured with a size, or says why it is left out.
func (p peer) fit(ctx context.Context, size string) (version, why string, err error) {
	largest := slices.Index(sizes, p.largest)
	switch {
	case largest < 0:
		return "", "", fmt.Errorf("the largest size %q is not one of %v", p.largest, sizes)
	case largest == 0:
		return "", "not asked for", nil
	case slices.Index(sizes, size) > largest:
		return "", "it would take too long: run with sizes up to " + p.largest, nil
	}
	if version, err = p.version(ctx); err != nil {
		return "", err.Error(), nil //nolint:nilerr // an engine is left out where it is not installed
	}
	return version, "", nil
}
