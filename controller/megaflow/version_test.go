package megaflow

import (
	"strings"
	"testing"

	"github.com/ringfence/ringfence/unixctl"
)

func TestUnfitVersions(t *testing.T) {
	t.Parallel()
	for v, ok := range map[unixctl.Version]bool{
		{Major: 2, Minor: 5, Patch: 9}: false, {Major: 2, Minor: 16, Patch: 99}: false,
		{Major: 2, Minor: 17, Patch: 5}: false, {Major: 2, Minor: 17, Patch: 6}: true, {Major: 2, Minor: 17, Patch: 12}: true,
		{Major: 3, Minor: 0, Patch: 0}: false, {Major: 3, Minor: 0, Patch: 3}: false, {Major: 3, Minor: 0, Patch: 4}: true,
		{Major: 3, Minor: 1, Patch: 0}: true, {Major: 3, Minor: 5, Patch: 1}: true, {Major: 4}: true,
	} {
		err := Unfit(v)
		if (err == nil) != ok || err != nil && !strings.Contains(err.Error(), v.String()) {
			t.Errorf("%v: %v", v, err)
		}
	}
}

func TestMisplacingVersions(t *testing.T) {
	t.Parallel()
	for v, does := range map[unixctl.Version]bool{
		{Major: 2, Minor: 17, Patch: 7}: true, {Major: 2, Minor: 17, Patch: 8}: false,
		{Major: 3, Minor: 0, Patch: 4}: true, {Major: 3, Minor: 0, Patch: 5}: false,
		{Major: 3, Minor: 1, Patch: 0}: true, {Major: 3, Minor: 1, Patch: 3}: false,
		{Major: 3, Minor: 2}: false, {Major: 3, Minor: 5, Patch: 1}: false, {Major: 4}: false,
	} {
		if Misplaces(v, "netdev@ovs-netdev") != does || Misplaces(v, "dummy@ovs-dummy") != does || Misplaces(v, "system@ovs-system") {
			t.Errorf("%v", v)
		}
		if said := Method(v, "netdev@ovs-netdev"); strings.Contains(said, "purged") != does || does && !strings.Contains(said, v.String()) {
			t.Errorf("%v: %s", v, said)
		}
	}
}
