package httpapi

import (
	"net/http"
	"slices"
	"strings"

	"github.com/ringfence/ringfence/httpapi/audit"
	"github.com/ringfence/ringfence/httpapi/change"
	"github.com/ringfence/ringfence/httpapi/transport"
)

// route is one operation of the API. Each stands in openapi.yaml with the same
// path and method.
type route struct {
	method string
	path   string // with parameters as in OpenAPI: /v1/nics/{nic}
	access transport.Access
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
type changes change.Decode

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
	return []route{{http.MethodGet, whoamiPath, transport.AnyToken, nil, replies(whoami)}}
}

// recordRoutes tell what happened, and make many things happen at once.
func recordRoutes() []route {
	const account = "/v1/accounts/{account}"
	return []route{
		{http.MethodPost, account + "/transactions", transport.AccountWrite, writeQuery, changes(change.Transaction(stepRoute))},
		{http.MethodGet, account + "/events", transport.AccountRead, []string{"since", "mark", "wait"}, replies(accountEvents)},
		{http.MethodGet, account + "/audit", transport.AccountRead, query(listParameters, audit.Parameters), replies(accountAudit)},
		{http.MethodGet, "/v1/audit", transport.PlatformRead, query(listParameters, audit.Parameters), replies(platformAudit)},
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
		{http.MethodGet, "/v1/networks", transport.PlatformRead, query(listParameters, fromMemory, []string{"routing_domain", "warnings"}), replies(networkList.serve)},
		{http.MethodGet, "/v1/networks/{network}", transport.PlatformRead, fromMemory, replies(getNetwork)},
		{http.MethodPut, "/v1/networks/{network}", transport.PlatformWrite, writeQuery, changes(change.PutNetwork)},
		{http.MethodDelete, "/v1/networks/{network}", transport.PlatformWrite, writeQuery, changes(change.DeleteNetwork)},
		{http.MethodGet, "/v1/nics/{nic}", transport.PlatformRead, fromMemory, replies(getPlatformNIC)},
		{http.MethodPut, "/v1/nics/{nic}", transport.PlatformWrite, writeQuery, changes(change.PutNIC)},
		{http.MethodDelete, "/v1/nics/{nic}", transport.PlatformWrite, writeQuery, changes(change.DeleteNIC)},
		{http.MethodGet, "/v1/hosts", transport.PlatformRead, query(listParameters, fromMemory), replies(hostList.serve)},
		{http.MethodGet, "/v1/hosts/{host}", transport.PlatformRead, fromMemory, replies(getHost)},
		{http.MethodDelete, "/v1/hosts/{host}", transport.PlatformWrite, nil, replies(deleteHost)},
		{http.MethodGet, "/v1/cluster", transport.PlatformRead, fromMemory, replies(getCluster)},
		{http.MethodPut, "/v1/cluster", transport.PlatformWrite, nil, replies(putCluster)},
		{http.MethodPut, "/v1/cluster/hold", transport.PlatformWrite, nil, replies(holdCluster)},
		{http.MethodDelete, "/v1/cluster/hold", transport.PlatformWrite, nil, replies(releaseCluster)},
		{http.MethodGet, "/v1/realization", transport.PlatformRead, []string{"revision", "wait"}, replies(platformRealization)},
		{http.MethodGet, "/v1/baseline", transport.PlatformRead, fromMemory, replies(getBaseline)},
		{http.MethodPut, "/v1/baseline", transport.PlatformWrite, writeQuery, changes(change.PutBaseline)},
	}
}

func accountRoutes() []route {
	const account = "/v1/accounts/{account}"
	return []route{
		{http.MethodGet, "/v1/accounts", transport.PlatformRead, query(listParameters, fromMemory), replies(accountList.serve)},
		{http.MethodGet, account, transport.AccountRead, fromMemory, replies(getAccount)},
		{http.MethodPut, account, transport.PlatformWrite, writeQuery, changes(change.PutAccount)},
		{http.MethodPatch, account, transport.PlatformWrite, writeQuery, changes(change.PatchAccount)},
		{http.MethodDelete, account, transport.PlatformWrite, writeQuery, changes(change.DeleteAccount)},
		{http.MethodGet, account + "/matrix", transport.AccountRead, query(fromMemory, []string{"network", "group"}), replies(getMatrix)},
		{http.MethodGet, account + "/realization", transport.AccountRead, []string{"revision", "wait"}, replies(accountRealization)},
		{http.MethodGet, account + "/shared-groups", transport.AccountRead, query(listParameters, fromMemory), replies(sharedGroupList.serve)},
		{http.MethodGet, account + "/instances", transport.AccountRead, query(listParameters, fromMemory, []string{"name", "name_prefix"}), replies(instanceList.serve)},
		{http.MethodGet, account + "/instances/{instance}", transport.AccountRead, fromMemory, replies(getInstance)},
		{http.MethodPut, account + "/instances/{instance}", transport.AccountWrite, writeQuery, changes(change.PutInstance)},
		{http.MethodDelete, account + "/instances/{instance}", transport.AccountWrite, writeQuery, changes(change.DeleteInstance)},
		{http.MethodGet, account + "/instances/{instance}/security-groups", transport.AccountRead, fromMemory, replies(getAttachments)},
		{http.MethodPut, account + "/instances/{instance}/security-groups", transport.AccountWrite, writeQuery, changes(change.PutAttachments)},
		{http.MethodPut, account + "/instances/{instance}/security-groups/{group}", transport.AccountWrite, writeQuery, changes(change.Attach)},
		{http.MethodDelete, account + "/instances/{instance}/security-groups/{group}", transport.AccountWrite, writeQuery, changes(change.Detach)},
	}
}

func groupRoutes() []route {
	const (
		groups = "/v1/accounts/{account}/security-groups"
		group  = groups + "/{group}"
	)
	return []route{
		{http.MethodGet, groups, transport.AccountRead, query(listParameters, fromMemory, []string{"name", "name_prefix", "tag", "network", "nic", "instance"}), replies(groupList.serve)},
		{http.MethodPost, groups, transport.AccountWrite, writeQuery, changes(change.PostGroup)},
		{http.MethodGet, group, transport.AccountRead, fromMemory, replies(getGroup)},
		{http.MethodPut, group, transport.AccountWrite, writeQuery, changes(change.PutGroup)},
		{http.MethodPatch, group, transport.AccountWrite, writeQuery, changes(change.PatchGroup)},
		{http.MethodDelete, group, transport.AccountWrite, query(writeQuery, []string{"cascade"}), changes(change.DeleteGroup)},
		{http.MethodGet, group + "/rules", transport.AccountRead, query(listParameters, fromMemory, []string{"hits", "unused_since"}), replies(listRules)},
		{http.MethodPost, group + "/rules", transport.AccountWrite, writeQuery, changes(change.PostRule)},
		{http.MethodPut, group + "/rules", transport.AccountWrite, writeQuery, changes(change.PutRules)},
		{http.MethodGet, group + "/rules/{rule}", transport.AccountRead, fromMemory, replies(getRule)},
		{http.MethodPut, group + "/rules/{rule}", transport.AccountWrite, writeQuery, changes(change.PutRule)},
		{http.MethodPatch, group + "/rules/{rule}", transport.AccountWrite, writeQuery, changes(change.PatchRule)},
		{http.MethodDelete, group + "/rules/{rule}", transport.AccountWrite, writeQuery, changes(change.DeleteRule)},
		{http.MethodGet, group + "/networks", transport.AccountRead, fromMemory, replies(getGroupNetworks)},
		{http.MethodPut, group + "/networks/{network}", transport.AccountWrite, writeQuery, changes(change.PutGroupNetwork)},
		{http.MethodDelete, group + "/networks/{network}", transport.AccountWrite, writeQuery, changes(change.DeleteGroupNetwork)},
		{http.MethodGet, group + "/shares", transport.AccountRead, query(listParameters, fromMemory), replies(shareList.serve)},
		{http.MethodGet, group + "/shares/{grantee}", transport.AccountRead, fromMemory, replies(getShare)},
		{http.MethodPut, group + "/shares/{grantee}", transport.AccountWrite, writeQuery, changes(change.PutShare)},
		{http.MethodDelete, group + "/shares/{grantee}", transport.AccountWrite, writeQuery, changes(change.DeleteShare)},
		{http.MethodGet, group + "/members", transport.AccountRead, query(listParameters, fromMemory), replies(memberList.serve)},
		{http.MethodGet, group + "/references", transport.AccountRead, fromMemory, replies(getReferences)},
		{http.MethodGet, group + "/realization", transport.AccountRead, []string{"revision", "wait"}, replies(groupRealization)},
	}
}

func nicRoutes() []route {
	const nics = "/v1/accounts/{account}/nics"
	return []route{
		{http.MethodGet, nics, transport.AccountRead, query(listParameters, fromMemory, []string{"network", "instance"}), replies(nicList.serve)},
		{http.MethodGet, nics + "/{nic}", transport.AccountRead, fromMemory, replies(getNIC)},
		{http.MethodGet, nics + "/{nic}/security-groups", transport.AccountRead, fromMemory, replies(getAttachments)},
		{http.MethodPut, nics + "/{nic}/security-groups", transport.AccountWrite, writeQuery, changes(change.PutAttachments)},
		{http.MethodPut, nics + "/{nic}/security-groups/{group}", transport.AccountWrite, writeQuery, changes(change.Attach)},
		{http.MethodDelete, nics + "/{nic}/security-groups/{group}", transport.AccountWrite, writeQuery, changes(change.Detach)},
		{http.MethodGet, nics + "/{nic}/effective-rules", transport.AccountRead, query(listParameters, fromMemory), replies(effectiveRuleList.serve)},
	}
}

func debugRoutes() []route {
	const account = "/v1/accounts/{account}"
	return []route{
		{http.MethodPost, account + "/traces", transport.AccountRead, nil, replies(postTrace)},
		{http.MethodGet, account + "/traces/{trace}", transport.AccountRead, nil, replies(getTrace)},
		{http.MethodGet, account + "/flows", transport.AccountRead, []string{"nic", "group", "rule", "cookie", "limit"}, replies(getFlows)},
		{http.MethodGet, account + "/connections", transport.AccountRead, []string{"nic", "limit"}, replies(getConnections)},
		{http.MethodGet, account + "/activity", transport.AccountRead, nil, replies(getActivity)},
		{http.MethodGet, account + "/drops", transport.AccountRead, []string{"nic", "since", "wait", "limit"}, replies(getDrops)},
	}
}

// These are answered whether or not the store is there: metrics then most of all.
const (
	metricsPath = "/metrics"
	whoamiPath  = "/v1/whoami"
)

func healthRoutes() []route {
	return []route{
		{http.MethodGet, "/healthz", transport.Open, nil, replies(healthz)},
		{http.MethodGet, "/readyz", transport.Open, nil, replies(readyz)},
		{http.MethodGet, metricsPath, transport.MetricsRead, nil, replies(serveMetrics)},
		{http.MethodGet, "/openapi.json", transport.Open, nil, replies(openAPI)},
	}
}

// echoPath writes a path's parameters as Echo has them.
func echoPath(path string) string {
	return strings.NewReplacer("{", ":", "}", "").Replace(path)
}

// stepPaths are the resources of an account that a transaction may write.
var stepPaths = []string{"security-groups", "instances", "nics"}

// stepRoute finds the route of an operation, and what decodes it: nil if there is
// none.
func stepRoute(method string, segments []string) (decode change.Decode, query []string, params map[string]string) {
	for _, r := range routes() {
		path, below := strings.CutPrefix(r.path, "/v1/accounts/{account}/")
		parts := strings.Split(path, "/")
		decode, writes := r.does.(changes)
		if !below || !writes || r.access != transport.AccountWrite || r.method != method || len(parts) != len(segments) || !slices.Contains(stepPaths, parts[0]) {
			continue
		}
		params := map[string]string{}
		fits := true
		for i, part := range parts {
			if name, variable := strings.CutPrefix(part, "{"); variable {
				params[strings.TrimSuffix(name, "}")] = segments[i]
			} else {
				fits = fits && part == segments[i]
			}
		}
		if fits {
			return change.Decode(decode), r.query, params
		}
	}
	return nil, nil, nil
}
