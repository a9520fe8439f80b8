package shape

import (
	"time"

	"github.com/ringfence/ringfence/plan"
	"github.com/ringfence/ringfence/secgroup"
)

// Settings are those of an account.
type Settings struct {
	EgressPolicyDefault secgroup.EgressPolicy    `json:"egress_policy_default"`
	EgressOpenGuard     secgroup.EgressOpenGuard `json:"egress_open_guard"`
}

// quotaJSON is a limit, null if there is none, and how much of it is used: of
// a quota per group or per NIC, by the one that uses most.
type quotaJSON struct {
	Limit *int `json:"limit"`
	Used  int  `json:"used"`
	// Default is the limit of an account that names none; null: it has none.
	Default *int `json:"default"`
}

// Account is an account with its quotas.
type Account struct {
	ID        string               `json:"id"`
	Settings  Settings             `json:"settings"`
	Quotas    map[string]quotaJSON `json:"quotas"`
	CreatedAt time.Time            `json:"created_at"`
	UpdatedAt time.Time            `json:"updated_at"`
	Revision  int64                `json:"revision"`
}

// ShowAccount shows an account, and how much of its quotas it uses in a policy.
func ShowAccount(s *secgroup.Snapshot, a *secgroup.Account) Account {
	out := Account{
		ID: a.ID, Settings: Settings{a.EgressPolicyDefault, a.EgressOpenGuard},
		Quotas:    map[string]quotaJSON{},
		CreatedAt: a.CreatedAt.UTC(), UpdatedAt: a.UpdatedAt.UTC(), Revision: a.Revision,
	}
	for _, name := range plan.QuotaNames {
		shown := quotaJSON{Used: plan.Usage(s, a.ID, name)}
		if limit, limited := plan.DefaultQuotas[name]; limited {
			shown.Default = &limit
		}
		out.Quotas[name] = shown
	}
	for name, limit := range a.Quotas {
		shown := out.Quotas[name]
		shown.Limit, shown.Used = &limit, plan.Usage(s, a.ID, name)
		out.Quotas[name] = shown
	}
	return out
}

// Instance is an instance with its NICs.
type Instance struct {
	ID        string    `json:"id"`
	Account   string    `json:"account"`
	Name      string    `json:"name"`
	NICs      []string  `json:"nics"`
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
	Revision  int64     `json:"revision"`
}

// ShowInstance shows an instance with the NICs that it has in a policy.
func ShowInstance(s *secgroup.Snapshot, i *secgroup.Instance) Instance {
	out := Instance{
		ID: i.ID, Account: i.Account, Name: i.Name, NICs: []string{},
		CreatedAt: i.CreatedAt.UTC(), UpdatedAt: i.UpdatedAt.UTC(), Revision: i.Revision,
	}
	for _, n := range s.NICsOfInstance(i.InstanceRef) {
		out.NICs = append(out.NICs, n.ID)
	}
	return out
}
