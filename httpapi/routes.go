package httpapi

import (
	"net/http"
	"strings"
)

// route is one operation of the API. Each stands in openapi.yaml with the same
// path and method.
type route struct {
	method string
	path   string // with parameters as in OpenAPI: /v1/nics/{nic}
	access access
	query  []string // the query parameters it knows
	serve  func(*call) error
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
	return []route{{http.MethodGet, whoamiPath, anyToken, nil, whoami}}
}

// recordRoutes tell what happened, and make many things happen at once.
func recordRoutes() []route {
	const account = "/v1/accounts/{account}"
	return []route{
		{http.MethodPost, account + "/transactions", accountWrite, writeQuery, postTransaction},
		{http.MethodGet, account + "/events", accountRead, []string{"since", "mark", "wait"}, accountEvents},
		{http.MethodGet, account + "/audit", accountRead, query(listParameters, auditParameters), accountAudit},
		{http.MethodGet, "/v1/audit", platformRead, query(listParameters, auditParameters), platformAudit},
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
		{http.MethodGet, "/v1/networks", platformRead, query(listParameters, fromMemory, []string{"routing_domain", "warnings"}), networkList.serve},
		{http.MethodGet, "/v1/networks/{network}", platformRead, fromMemory, getNetwork},
		{http.MethodPut, "/v1/networks/{network}", platformWrite, writeQuery, putNetwork},
		{http.MethodDelete, "/v1/networks/{network}", platformWrite, writeQuery, deleteNetwork},
		{http.MethodGet, "/v1/nics/{nic}", platformRead, fromMemory, getPlatformNIC},
		{http.MethodPut, "/v1/nics/{nic}", platformWrite, writeQuery, putNIC},
		{http.MethodDelete, "/v1/nics/{nic}", platformWrite, writeQuery, deleteNIC},
		{http.MethodGet, "/v1/hosts", platformRead, query(listParameters, fromMemory), hostList.serve},
		{http.MethodGet, "/v1/hosts/{host}", platformRead, fromMemory, getHost},
		{http.MethodDelete, "/v1/hosts/{host}", platformWrite, nil, deleteHost},
		{http.MethodGet, "/v1/cluster", platformRead, fromMemory, getCluster},
		{http.MethodPut, "/v1/cluster", platformWrite, nil, putCluster},
		{http.MethodGet, "/v1/realization", platformRead, []string{"revision", "wait"}, platformRealization},
		{http.MethodGet, "/v1/baseline", platformRead, fromMemory, getBaseline},
		{http.MethodPut, "/v1/baseline", platformWrite, writeQuery, putBaseline},
	}
}

func accountRoutes() []route {
	const account = "/v1/accounts/{account}"
	return []route{
		{http.MethodGet, "/v1/accounts", platformRead, query(listParameters, fromMemory), accountList.serve},
		{http.MethodGet, account, accountRead, fromMemory, getAccount},
		{http.MethodPut, account, platformWrite, writeQuery, putAccount},
		{http.MethodPatch, account, platformWrite, writeQuery, patchAccount},
		{http.MethodDelete, account, platformWrite, writeQuery, deleteAccount},
		{http.MethodGet, account + "/matrix", accountRead, query(fromMemory, []string{"network", "group"}), getMatrix},
		{http.MethodGet, account + "/realization", accountRead, []string{"revision", "wait"}, accountRealization},
		{http.MethodGet, account + "/instances", accountRead, query(listParameters, fromMemory, []string{"name", "name_prefix"}), instanceList.serve},
		{http.MethodGet, account + "/instances/{instance}", accountRead, fromMemory, getInstance},
		{http.MethodPut, account + "/instances/{instance}", accountWrite, writeQuery, putInstance},
		{http.MethodDelete, account + "/instances/{instance}", accountWrite, writeQuery, deleteInstance},
		{http.MethodGet, account + "/instances/{instance}/security-groups", accountRead, fromMemory, getAttachments},
		{http.MethodPut, account + "/instances/{instance}/security-groups", accountWrite, writeQuery, putAttachments},
		{http.MethodPut, account + "/instances/{instance}/security-groups/{group}", accountWrite, writeQuery, attach},
		{http.MethodDelete, account + "/instances/{instance}/security-groups/{group}", accountWrite, writeQuery, detach},
	}
}

func groupRoutes() []route {
	const (
		groups = "/v1/accounts/{account}/security-groups"
		group  = groups + "/{group}"
	)
	return []route{
		{http.MethodGet, groups, accountRead, query(listParameters, fromMemory, []string{"name", "name_prefix", "tag", "network", "nic", "instance"}), groupList.serve},
		{http.MethodPost, groups, accountWrite, writeQuery, postGroup},
		{http.MethodGet, group, accountRead, fromMemory, getGroup},
		{http.MethodPut, group, accountWrite, writeQuery, putGroup},
		{http.MethodPatch, group, accountWrite, writeQuery, patchGroup},
		{http.MethodDelete, group, accountWrite, query(writeQuery, []string{"cascade"}), deleteGroup},
		{http.MethodGet, group + "/rules", accountRead, query(listParameters, fromMemory, []string{"hits", "unused_since"}), listRules},
		{http.MethodPost, group + "/rules", accountWrite, writeQuery, postRule},
		{http.MethodPut, group + "/rules", accountWrite, writeQuery, putRules},
		{http.MethodGet, group + "/rules/{rule}", accountRead, fromMemory, getRule},
		{http.MethodPut, group + "/rules/{rule}", accountWrite, writeQuery, putRule},
		{http.MethodPatch, group + "/rules/{rule}", accountWrite, writeQuery, patchRule},
		{http.MethodDelete, group + "/rules/{rule}", accountWrite, writeQuery, deleteRule},
		{http.MethodGet, group + "/networks", accountRead, fromMemory, getGroupNetworks},
		{http.MethodPut, group + "/networks/{network}", accountWrite, writeQuery, putGroupNetwork},
		{http.MethodDelete, group + "/networks/{network}", accountWrite, writeQuery, deleteGroupNetwork},
		{http.MethodGet, group + "/shares", accountRead, query(listParameters, fromMemory), shareList.serve},
		{http.MethodGet, group + "/shares/{grantee}", accountRead, fromMemory, getShare},
		{http.MethodPut, group + "/shares/{grantee}", accountWrite, writeQuery, putShare},
		{http.MethodDelete, group + "/shares/{grantee}", accountWrite, writeQuery, deleteShare},
		{http.MethodGet, group + "/members", accountRead, query(listParameters, fromMemory), memberList.serve},
		{http.MethodGet, group + "/references", accountRead, fromMemory, getReferences},
		{http.MethodGet, group + "/realization", accountRead, []string{"revision", "wait"}, groupRealization},
	}
}

func nicRoutes() []route {
	const nics = "/v1/accounts/{account}/nics"
	return []route{
		{http.MethodGet, nics, accountRead, query(listParameters, fromMemory, []string{"network", "instance"}), nicList.serve},
		{http.MethodGet, nics + "/{nic}", accountRead, fromMemory, getNIC},
		{http.MethodGet, nics + "/{nic}/security-groups", accountRead, fromMemory, getAttachments},
		{http.MethodPut, nics + "/{nic}/security-groups", accountWrite, writeQuery, putAttachments},
		{http.MethodPut, nics + "/{nic}/security-groups/{group}", accountWrite, writeQuery, attach},
		{http.MethodDelete, nics + "/{nic}/security-groups/{group}", accountWrite, writeQuery, detach},
		{http.MethodGet, nics + "/{nic}/effective-rules", accountRead, query(listParameters, fromMemory), effectiveRuleList.serve},
	}
}

func debugRoutes() []route {
	const account = "/v1/accounts/{account}"
	return []route{
		{http.MethodPost, account + "/traces", accountRead, nil, postTrace},
		{http.MethodGet, account + "/traces/{trace}", accountRead, nil, getTrace},
		{http.MethodGet, account + "/flows", accountRead, []string{"nic", "group", "rule", "cookie", "limit"}, getFlows},
		{http.MethodGet, account + "/connections", accountRead, []string{"nic", "limit"}, getConnections},
		{http.MethodGet, account + "/drops", accountRead, []string{"nic", "since", "wait", "limit"}, getDrops},
	}
}

// These are answered whether or not the store is there: metrics then most of all.
const (
	metricsPath = "/metrics"
	whoamiPath  = "/v1/whoami"
)

func healthRoutes() []route {
	return []route{
		{http.MethodGet, "/healthz", open, nil, healthz},
		{http.MethodGet, "/readyz", open, nil, readyz},
		{http.MethodGet, metricsPath, platformRead, nil, serveMetrics},
		{http.MethodGet, "/openapi.json", open, nil, openAPI},
	}
}

// echoPath writes a path's parameters as Echo has them.
func echoPath(path string) string {
	return strings.NewReplacer("{", ":", "}", "").Replace(path)
}
