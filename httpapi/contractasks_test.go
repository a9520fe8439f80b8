package httpapi

// What the contract tests ask where an operation's own example does not come to
// the status.

const (
	full  = "/v1/accounts/full"
	tight = full + "/security-groups/tight"
	gone  = groups + "/gone"
)

const (
	makeGone     = `PUT ` + gone + ` {"name":"gone"}`
	makeRule     = `PUT ` + rules + `/https {"direction":"ingress","protocol":"tcp","port_min":443}`
	makeShare    = `PUT ` + share + ` {"use":["attach"]}`
	makeSpare    = `PUT /v1/nics/spare-1 {"account":"acme","network":"net-1","mac":"02:00:00:00:00:09","addresses":["10.0.0.9"]}`
	makeNetwork  = `PUT /v1/networks/gone {"type":"vpc","vpc":"red","vlan":9}`
	makeInstance = `PUT ` + acme + `/instances/gone {}`
	anywhere     = `PUT ` + web + ` {"name":"web"}`
	attached     = "PUT " + acme + "/nics/nic-1/security-groups/web"
	endUse       = "DELETE /v1/accounts/bolt/security-groups/default/rules/r"
	useShare     = `PUT ` + `/v1/accounts/bolt/security-groups/default/rules/r {"direction":"ingress","protocol":"tcp","remote_group":"acme/web"}`
)

// contractBefore has what is taken away made anew before each request.
var contractBefore = map[string][]string{
	"deleteRule": {makeRule}, "patchRule": {makeRule}, "getRule": {makeRule},
	"putShare": {endUse}, "deleteShare": {endUse, makeShare}, "getShare": {endUse, makeShare},
}

// contractAsks are by operation and status.
var contractAsks = map[string]ask{
	"putAccount 201":    {path: "/v1/accounts/new"},
	"deleteAccount 200": {before: []string{`PUT /v1/accounts/gone {}`}, path: "/v1/accounts/gone?dry_run=true"},
	"deleteAccount 204": {before: []string{`PUT /v1/accounts/gone {}`}, path: "/v1/accounts/gone"},
	"deleteAccount 409": {},

	"createSecurityGroup 200": {path: groups + "?dry_run=true"},
	"createSecurityGroup 409": {body: `{"name":"web"}`},
	"putSecurityGroup 201":    {path: groups + "/new", body: `{"name":"new"}`},
	"putSecurityGroup 202":    {body: `{"name":"web","egress_policy":"open"}`, headers: []string{"Prefer: wait=0"}},
	"patchSecurityGroup 202":  {body: `{"egress_policy":"open"}`, headers: []string{"Prefer: wait=0"}},
	"putSecurityGroup 409":    {path: groups + "/new", body: `{"name":"default"}`},
	"patchSecurityGroup 409":  {body: `{"name":"default"}`},
	"deleteSecurityGroup 200": {before: []string{makeGone}, path: gone + "?dry_run=true"},
	"deleteSecurityGroup 202": {before: []string{makeGone, "PUT " + acme + "/nics/nic-2/security-groups/gone"}, path: gone + "?cascade=attachments", headers: []string{"Prefer: wait=0"}},
	"deleteSecurityGroup 204": {before: []string{makeGone}, path: gone},
	"deleteSecurityGroup 409": {},

	"createRule 200": {path: rules + "?dry_run=true"},
	"createRule 202": {headers: []string{"Prefer: wait=0"}, body: `{"direction":"ingress","protocol":"tcp","port_min":22}`},
	"createRule 409": {path: tight + "/rules"},
	"putRules 409":   {path: tight + "/rules"},
	"putRule 201":    {path: rules + "/new"},
	"putRule 409":    {path: tight + "/rules/new"},
	"patchRule 409":  {path: tight + "/rules/e", body: `{"direction":"ingress"}`},
	"deleteRule 409": {path: tight + "/rules/e"},

	"addNetwork 200":    {before: []string{"PUT " + web + "/networks/net-1"}},
	"addNetwork 202":    {before: []string{"PUT " + web + ` {"name":"web","network_scope":"listed"}`}, headers: []string{"Prefer: wait=0"}},
	"addNetwork 201":    {before: []string{"DELETE " + web + "/networks/net-1"}},
	"addNetwork 409":    {path: "/v1/accounts/strict" + "/security-groups/other/networks/net-1"},
	"removeNetwork 202": {before: []string{"PUT " + web + "/networks/net-1"}, headers: []string{"Prefer: wait=0"}},
	"removeNetwork 409": {path: full + "/security-groups/shut/networks/net-1"},
	"putShare 201":      {path: web + "/shares/another"},
	"putShare 409":      {before: []string{useShare}, body: `{"use":["attach"]}`},
	"deleteShare 204":   {path: web + "/shares/another"},
	"deleteShare 409":   {before: []string{`PUT ` + share + ` {"use":["reference"]}`, useShare}},

	"putInstance 201":    {path: acme + "/instances/new"},
	"putInstance 409":    {path: full + "/instances/new"},
	"deleteInstance 200": {before: []string{makeInstance}, path: acme + "/instances/gone?dry_run=true"},
	"deleteInstance 204": {before: []string{makeInstance}, path: acme + "/instances/gone"},
	"deleteInstance 409": {},

	"putInstanceSecurityGroups 409": {path: full + "/instances/full-vm/security-groups", body: `["tight","other"]`},
	"attachInstance 201":            {before: []string{"DELETE " + acme + "/instances/vm-1/security-groups/web"}},
	"attachInstance 409":            {path: full + "/instances/full-vm/security-groups/other"},
	"detachInstance 202":            {before: []string{"DELETE " + acme + "/nics/nic-1/security-groups/web", "PUT " + acme + "/instances/vm-1/security-groups/web"}, headers: []string{"Prefer: wait=0"}},
	"detachInstance 409":            {path: full + "/instances/full-vm/security-groups/tight"},
	"putNICSecurityGroups 409":      {path: full + "/nics/full-1/security-groups", body: `["tight","other"]`},
	"attachNIC 201":                 {before: []string{"DELETE " + acme + "/nics/nic-1/security-groups/web"}},
	"attachNIC 409":                 {path: full + "/nics/full-1/security-groups/other"},

	"detachNIC 409": {path: full + "/nics/full-1/security-groups/tight"},

	"putNetwork 201":    {path: "/v1/networks/new", body: `{"type":"flat","prefixes":["10.1.0.0/16"]}`},
	"putNetwork 202":    {body: `{"type":"vpc","vpc":"blue","prefixes":["10.0.0.0/16","fd00::/64"],"vlan":101}`, headers: []string{"Prefer: wait=0"}},
	"putNetwork 409":    {path: "/v1/networks/other", body: `{"type":"vpc","vpc":"blue","prefixes":["10.0.1.0/24"]}`},
	"deleteNetwork 200": {before: []string{makeNetwork}, path: "/v1/networks/gone?dry_run=true"},
	"deleteNetwork 204": {before: []string{makeNetwork}, path: "/v1/networks/gone"},
	"deleteNetwork 409": {},

	"putNIC 201":    {path: "/v1/nics/new", body: `{"account":"acme","network":"net-1","mac":"02:00:00:00:00:08","addresses":["10.0.0.8"]}`},
	"putNIC 409":    {path: "/v1/nics/other"},
	"deleteNIC 200": {before: []string{makeSpare}, path: "/v1/nics/spare-1?dry_run=true"},
	"deleteNIC 202": {before: []string{makeSpare}, path: "/v1/nics/spare-1", headers: []string{"Prefer: wait=0"}},
	"deleteNIC 204": {before: []string{makeSpare}, path: "/v1/nics/spare-1"},

	"putBaseline 202":       {body: `{"addresses":[]}`, headers: []string{"Prefer: wait=0"}},
	"putCluster 422":        {body: `{"older_apis_gone":false}`},
	"holdCluster 200":       {body: `{"level":1}`},
	"holdCluster 422":       {body: `{"level":3}`},
	"forgetHost 204":        {path: "/v1/hosts/host-9"},
	"createTransaction 202": {body: `{"operations":[{"method":"PUT","path":"/nics/nic-2/security-groups/web"}]}`, headers: []string{"Prefer: wait=0"}},
	"createTransaction 409": {body: `{"operations":[{"method":"POST","path":"/security-groups","body":{"name":"web"}}]}`},
	"createTransaction 412": {body: `{"operations":[{"method":"PUT","path":"/security-groups/web","body":{"name":"web"},"if_match":"x"}]}`},
	"trace 403":             {body: `{"source":{"nic":"nic-1"},"destination":{"nic":"nic-2"},"protocol":"tcp","port":443,"probe":true}`, headers: as(viewerAcme)},
	"trace 202":             {headers: []string{"Prefer: wait=0"}},
	"listAccounts 403":      {headers: as(memberAcme)},
}
