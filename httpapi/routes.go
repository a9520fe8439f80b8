package httpapi

import (
	"net/http"
	"strings"

	"github.com/ringfence/ringfence/httpapi/transport"
)

// route is one operation of the API. Each stands in openapi.yaml with the same
// path and method.
type route struct {
	method string
	path   string // with parameters as in OpenAPI: /v1/nics/{nic}
	access access
	query  []string // the query parameters it knows
	does   operationOf
}

// operationOf is what a route does: it answers a call, or changes the policy.
type operationOf interface{ run(c *call) error }

// replies is a route that answers by itself.
type replies func(*call) error

func (f replies) run(c *call) error { return f(c) }

// changes is a route that changes the policy. It decodes an input; how the mutation
// is made and answered is the same for all.
type changes func(*transport.Input) (mutation, error)

func (decode changes) run(c *call) error {
	m, err := decode(c.in)
	if err != nil {
		return err
	}
	return c.mutate(m)
}

// writeQuery are the query parameters of every mutation.
var writeQuery = []string{"dry_run", "confirm"}

// routes lists all operations.
func routes() []route {
	return join(callerRoutes(), platformRoutes(), accountRoutes(), groupRoutes(), nicRoutes(), debugRoutes(), recordRoutes(), healthRoutes())
}

// callerRoutes tell callers of themselves. They are answered whether or not the
// store is there.
func callerRoutes() []route {
	return []route{{http.MethodGet, whoamiPath, anyToken, nil, replies(whoami)}}
}

// recordRoutes tell what happened, and make many things happen at once.
func recordRoutes() []route {
	const account = "/v1/accounts/{account}"
	return []route{
		{http.MethodPost, account + "/transactions", accountWrite, writeQuery, changes(postTransaction)},
		{http.MethodGet, account + "/events", accountRead, []string{"since", "mark", "wait"}, replies(accountEvents)},
		{http.MethodGet, account + "/audit", accountRead, query(listParameters, auditParameters), replies(accountAudit)},
		{http.MethodGet, "/v1/audit", platformRead, query(listParameters, auditParameters), replies(platformAudit)},
	}
}

func join(parts ...[]route) []route {
	var all []route
	for _, p := range parts {
		all = append(all, p...)
	}
	return all
}

func query(lists ...[]string) []string {
	var all []string
	for _, l := range lists {
		all = append(all, l...)
	}
	return all
}

func platformRoutes() []route {
	return []route{
		{http.MethodGet, "/v1/networks", platformRead, query(listParameters, fromMemory, []string{"routing_domain", "warnings"}), replies(networkList.serve)},
		{http.MethodGet, "/v1/networks/{network}", platformRead, fromMemory, replies(getNetwork)},
		{http.MethodPut, "/v1/networks/{network}", platformWrite, writeQuery, changes(putNetwork)},
		{http.MethodDelete, "/v1/networks/{network}", platformWrite, writeQuery, changes(deleteNetwork)},
		{http.MethodGet, "/v1/nics/{nic}", platformRead, fromMemory, replies(getPlatformNIC)},
		{http.MethodPut, "/v1/nics/{nic}", platformWrite, writeQuery, changes(putNIC)},
		{http.MethodDelete, "/v1/nics/{nic}", platformWrite, writeQuery, changes(deleteNIC)},
		{http.MethodGet, "/v1/hosts", platformRead, query(listParameters, fromMemory), replies(hostList.serve)},
		{http.MethodGet, "/v1/hosts/{host}", platformRead, fromMemory, replies(getHost)},
		{http.MethodDelete, "/v1/hosts/{host}", platformWrite, nil, replies(deleteHost)},
		{http.MethodGet, "/v1/cluster", platformRead, fromMemory, replies(getCluster)},
		{http.MethodPut, "/v1/cluster", platformWrite, nil, replies(putCluster)},
		{http.MethodGet, "/v1/realization", platformRead, []string{"revision", "wait"}, replies(platformRealization)},
		{http.MethodGet, "/v1/baseline", platformRead, fromMemory, replies(getBaseline)},
		{http.MethodPut, "/v1/baseline", platformWrite, writeQuery, changes(putBaseline)},
	}
}

func accountRoutes() []route {
	const account = "/v1/accounts/{account}"
	return []route{
		{http.MethodGet, "/v1/accounts", platformRead, query(listParameters, fromMemory), replies(accountList.serve)},
		{http.MethodGet, account, accountRead, fromMemory, replies(getAccount)},
		{http.MethodPut, account, platformWrite, writeQuery, changes(putAccount)},
		{http.MethodPatch, account, platformWrite, writeQuery, changes(patchAccount)},
		{http.MethodDelete, account, platformWrite, writeQuery, changes(deleteAccount)},
		{http.MethodGet, account + "/matrix", accountRead, query(fromMemory, []string{"network", "group"}), replies(getMatrix)},
		{http.MethodGet, account + "/realization", accountRead, []string{"revision", "wait"}, replies(accountRealization)},
		{http.MethodGet, account + "/shared-groups", accountRead, query(listParameters, fromMemory), replies(sharedGroupList.serve)},
		{http.MethodGet, account + "/instances", accountRead, query(listParameters, fromMemory, []string{"name", "name_prefix"}), replies(instanceList.serve)},
		{http.MethodGet, account + "/instances/{instance}", accountRead, fromMemory, replies(getInstance)},
		{http.MethodPut, account + "/instances/{instance}", accountWrite, writeQuery, changes(putInstance)},
		{http.MethodDelete, account + "/instances/{instance}", accountWrite, writeQuery, changes(deleteInstance)},
		{http.MethodGet, account + "/instances/{instance}/security-groups", accountRead, fromMemory, replies(getAttachments)},
		{http.MethodPut, account + "/instances/{instance}/security-groups", accountWrite, writeQuery, changes(putAttachments)},
		{http.MethodPut, account + "/instances/{instance}/security-groups/{group}", accountWrite, writeQuery, changes(attach)},
		{http.MethodDelete, account + "/instances/{instance}/security-groups/{group}", accountWrite, writeQuery, changes(detach)},
	}
}

func groupRoutes() []route {
	const (
		groups = "/v1/accounts/{account}/security-groups"
		group  = groups + "/{group}"
	)
	return []route{
		{http.MethodGet, groups, accountRead, query(listParameters, fromMemory, []string{"name", "name_prefix", "tag", "network", "nic", "instance"}), replies(groupList.serve)},
		{http.MethodPost, groups, accountWrite, writeQuery, changes(postGroup)},
		{http.MethodGet, group, accountRead, fromMemory, replies(getGroup)},
		{http.MethodPut, group, accountWrite, writeQuery, changes(putGroup)},
		{http.MethodPatch, group, accountWrite, writeQuery, changes(patchGroup)},
		{http.MethodDelete, group, accountWrite, query(writeQuery, []string{"cascade"}), changes(deleteGroup)},
		{http.MethodGet, group + "/rules", accountRead, query(listParameters, fromMemory, []string{"hits", "unused_since"}), replies(listRules)},
		{http.MethodPost, group + "/rules", accountWrite, writeQuery, changes(postRule)},
		{http.MethodPut, group + "/rules", accountWrite, writeQuery, changes(putRules)},
		{http.MethodGet, group + "/rules/{rule}", accountRead, fromMemory, replies(getRule)},
		{http.MethodPut, group + "/rules/{rule}", accountWrite, writeQuery, changes(putRule)},
		{http.MethodPatch, group + "/rules/{rule}", accountWrite, writeQuery, changes(patchRule)},
		{http.MethodDelete, group + "/rules/{rule}", accountWrite, writeQuery, changes(deleteRule)},
		{http.MethodGet, group + "/networks", accountRead, fromMemory, replies(getGroupNetworks)},
		{http.MethodPut, group + "/networks/{network}", accountWrite, writeQuery, changes(putGroupNetwork)},
		{http.MethodDelete, group + "/networks/{network}", accountWrite, writeQuery, changes(deleteGroupNetwork)},
		{http.MethodGet, group + "/shares", accountRead, query(listParameters, fromMemory), replies(shareList.serve)},
		{http.MethodGet, group + "/shares/{grantee}", accountRead, fromMemory, replies(getShare)},
		{http.MethodPut, group + "/shares/{grantee}", accountWrite, writeQuery, changes(putShare)},
		{http.MethodDelete, group + "/shares/{grantee}", accountWrite, writeQuery, changes(deleteShare)},
		{http.MethodGet, group + "/members", accountRead, query(listParameters, fromMemory), replies(memberList.serve)},
		{http.MethodGet, group + "/references", accountRead, fromMemory, replies(getReferences)},
		{http.MethodGet, group + "/realization", accountRead, []string{"revision", "wait"}, replies(groupRealization)},
	}
}

func nicRoutes() []route {
	const nics = "/v1/accounts/{account}/nics"
	return []route{
		{http.MethodGet, nics, accountRead, query(listParameters, fromMemory, []string{"network", "instance"}), replies(nicList.serve)},
		{http.MethodGet, nics + "/{nic}", accountRead, fromMemory, replies(getNIC)},
		{http.MethodGet, nics + "/{nic}/security-groups", accountRead, fromMemory, replies(getAttachments)},
		{http.MethodPut, nics + "/{nic}/security-groups", accountWrite, writeQuery, changes(putAttachments)},
		{http.MethodPut, nics + "/{nic}/security-groups/{group}", accountWrite, writeQuery, changes(attach)},
		{http.MethodDelete, nics + "/{nic}/security-groups/{group}", accountWrite, writeQuery, changes(detach)},
		{http.MethodGet, nics + "/{nic}/effective-rules", accountRead, query(listParameters, fromMemory), replies(effectiveRuleList.serve)},
	}
}

func debugRoutes() []route {
	const account = "/v1/accounts/{account}"
	return []route{
		{http.MethodPost, account + "/traces", accountRead, nil, replies(postTrace)},
		{http.MethodGet, account + "/traces/{trace}", accountRead, nil, replies(getTrace)},
		{http.MethodGet, account + "/flows", accountRead, []string{"nic", "group", "rule", "cookie", "limit"}, replies(getFlows)},
		{http.MethodGet, account + "/connections", accountRead, []string{"nic", "limit"}, replies(getConnections)},
		{http.MethodGet, account + "/activity", accountRead, nil, replies(getActivity)},
		{http.MethodGet, account + "/drops", accountRead, []string{"nic", "since", "wait", "limit"}, replies(getDrops)},
	}
}

// These are answered whether or not the store is there: metrics then most of all.
const (
	metricsPath = "/metrics"
	whoamiPath  = "/v1/whoami"
)

func healthRoutes() []route {
	return []route{
		{http.MethodGet, "/healthz", open, nil, replies(healthz)},
		{http.MethodGet, "/readyz", open, nil, replies(readyz)},
		{http.MethodGet, metricsPath, metricsRead, nil, replies(serveMetrics)},
		{http.MethodGet, "/openapi.json", open, nil, replies(openAPI)},
	}
}

// echoPath writes a path's parameters as Echo has them.
func echoPath(path string) string {
	return strings.NewReplacer("{", ":", "}", "").Replace(path)
}
