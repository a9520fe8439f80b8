package httpapi

import (
	"fmt"
	"strings"
	"testing"

	"github.com/ringfence/ringfence/inquiry"
	"github.com/ringfence/ringfence/store"
)

// A trace of what was a NIC says so: by its address, by its name, and whether it is
// still plugged. Of others' NICs nothing is told.
func TestTraceOfWhatIsGone(t *testing.T) {
	s, h := tracedServer(t)
	h.set(s.says(inquiry.Allow, same))
	rev := s.must("DELETE", "/v1/nics/n1", "").header.Get("SG-Revision")
	was := fmt.Sprintf("10.0.0.1 was an address of NIC n1, which was deleted at revision %s; it is still plugged, and nothing passes there", rev)
	to := func(address string) string {
		return fmt.Sprintf(`{"source":{"nic":"n2"},"destination":{"address":%q},"protocol":"tcp","port":443}`, address)
	}
	if a := s.trace(201, to("10.0.0.1")); !strings.HasSuffix(a.text("summary"), "; "+was) {
		t.Errorf("to the address of a NIC that is gone: %q", a.text("summary"))
	}
	if a := s.trace(201, to("10.0.0.77")); strings.Contains(a.text("summary"), "10.0.0.77") {
		t.Errorf("to an address that nobody had: %q", a.text("summary"))
	}
	neither := s.trace(422, `{"source":{"address":"8.8.8.8"},"destination":{"address":"10.0.0.1"},"protocol":"tcp","port":443}`)
	neither.want(t, map[string]string{"errors.0.detail": "neither end is a NIC of the account: " + was})
	named := s.trace(422, `{"source":{"nic":"n1"},"destination":{"nic":"n2"},"protocol":"tcp","port":443}`)
	named.want(t, map[string]string{"errors.0.detail": "there is no such NIC: NIC n1 was deleted at revision " + rev + "; it is still plugged, and nothing passes there"})
	// Another account's, and what was always unknown, are alike to a tenant.
	s.must("DELETE", "/v1/nics/n3", "")
	for _, nic := range []string{"n3", "ghost"} {
		body := fmt.Sprintf(`{"source":{"nic":%q},"destination":{"nic":"n2"},"protocol":"tcp","port":443}`, nic)
		s.trace(422, body, "Authorization: Bearer "+memberAcme).want(t, map[string]string{"errors.0.detail": "there is no such NIC"})
	}
	if a := s.trace(201, to("10.0.0.3"), "Authorization: Bearer "+memberAcme); strings.Contains(a.text("summary"), "n3") {
		t.Errorf("another account's NIC is told of: %q", a.text("summary"))
	}
	// The platform is told what is plugged without a policy.
	s.api.past.Record(nil, nil, store.Batch{Broken: true})() // as in a process that started later
	s.trace(422, `{"source":{"nic":"n3"},"destination":{"nic":"n2"},"protocol":"tcp","port":443}`).want(t, map[string]string{
		"errors.0.detail": "there is no such NIC: the policy does not have NIC n3; it is still plugged, and nothing passes there"})
}
