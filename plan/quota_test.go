package plan

import (
	"errors"
	"fmt"
	"testing"

	"github.com/ringfence/ringfence/secgroup"
)

// An account that names no quotas has limits all the same, and may raise them.
func TestDefaultQuotas(t *testing.T) {
	most := DefaultQuotas[QuotaGroupsPerNIC]
	s := secgroup.NewSnapshot()
	all := []secgroup.Change{
		secgroup.Put(&secgroup.Account{ID: "acme"}),
		secgroup.Put(&secgroup.Network{ID: "net1", RoutingDomain: "provider"}),
		secgroup.Put(&secgroup.NIC{ID: "n1", Account: "acme", Network: "net1"}),
	}
	attachment := func(i int) secgroup.Change {
		return secgroup.Put(&secgroup.Attachment{Group: secgroup.GroupRef{Account: "acme", ID: fmt.Sprintf("g%d", i)}, NIC: "n1"})
	}
	for i := range most + 1 {
		all = append(all, secgroup.Put(&secgroup.Group{GroupRef: secgroup.GroupRef{Account: "acme", ID: fmt.Sprintf("g%d", i)}, NetworkScope: secgroup.ScopeAny}))
	}
	for i := range most - 1 {
		all = append(all, attachment(i))
	}
	s, _ = s.With(1, all)
	quotas := func(s *secgroup.Snapshot, changes []secgroup.Change) error {
		after, _ := s.With(s.Revision(), changes)
		return quotas(s, after, changes)
	}
	if err := quotas(s, []secgroup.Change{attachment(most - 1)}); err != nil {
		t.Errorf("group %d at a NIC: %v", most, err)
	}
	two := []secgroup.Change{attachment(most - 1), attachment(most)}
	var conflict *Conflict
	if err := quotas(s, two); !errors.As(err, &conflict) || conflict.Code != CodeQuotaExceeded {
		t.Errorf("group %d at a NIC: %v", most+1, err)
	}
	s, _ = s.With(2, []secgroup.Change{secgroup.Put(&secgroup.Account{ID: "acme", Quotas: map[string]int{QuotaGroupsPerNIC: most + 1}})})
	if err := quotas(s, two); err != nil {
		t.Errorf("with a quota of its own: %v", err)
	}
}
