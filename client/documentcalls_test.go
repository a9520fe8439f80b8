package client_test

import (
	"context"
	"iter"
	"time"

	"github.com/ringfence/ringfence/client"
)

// documented is how the client makes an operation: with the examples' names.
type documented struct {
	do     func(c *client.Client) error
	answer any      // of the method's type: the object, or a list's item; nil = none
	body   any      // of the type of the method's argument
	list   bool     // the method walks a list
	skip   []string // of the answer, what the method leaves out
}

func isList(d documented) bool { return d.list }

var ctx = context.Background()

func one[T any](_ T, err error) error { return err }

func all[T any](seq iter.Seq2[T, error]) error { return one(client.Collect(seq)) }

var (
	rule  = client.RuleSpec{Direction: "ingress", Protocol: "tcp"}
	nic   = client.NICSpec{Account: "acme", Network: "net-1", MAC: "02:00:00:00:00:01", Addresses: []string{}}
	trace = client.TraceSpec{Source: client.TraceEnd{Address: "192.0.2.1"}, Destination: client.TraceEnd{NIC: "nic-1"}, Protocol: "tcp", Port: 443}
	patch = map[string]any{"description": "x"}
)

// calls are all operations, by their ids.
var calls = map[string]documented{
	"whoAmI": {do: func(c *client.Client) error { return one(c.WhoAmI(ctx)) }, answer: client.Caller{}},

	"listAccounts":  {do: func(c *client.Client) error { return all(c.Accounts(ctx)) }, answer: client.Account{}, list: true},
	"getAccount":    {do: func(c *client.Client) error { return one(c.Account(ctx, "acme")) }, answer: client.Account{}},
	"putAccount":    {do: func(c *client.Client) error { return one(c.PutAccount(ctx, "acme", client.AccountSpec{})) }, answer: client.Account{}, body: client.AccountSpec{}},
	"patchAccount":  {do: func(c *client.Client) error { return one(c.PatchAccount(ctx, "acme", map[string]any{})) }, answer: client.Account{}},
	"deleteAccount": {do: func(c *client.Client) error { return c.DeleteAccount(ctx, "acme") }},

	"getMatrix":             {do: func(c *client.Client) error { return one(c.Matrix(ctx, "acme")) }, answer: client.Matrix{}},
	"getAccountRealization": {do: func(c *client.Client) error { return one(c.AccountRealization(ctx, "acme", 0, 0)) }, answer: client.Realization{}},

	"listSecurityGroups":  {do: func(c *client.Client) error { return all(c.Groups(ctx, "acme")) }, answer: client.Group{}, list: true},
	"createSecurityGroup": {do: func(c *client.Client) error { return one(c.CreateGroup(ctx, "acme", client.GroupSpec{Name: "db"})) }, answer: client.Group{}, body: client.GroupSpec{}},
	"getSecurityGroup":    {do: func(c *client.Client) error { return one(c.Group(ctx, "acme", "web")) }, answer: client.Group{}},
	"putSecurityGroup": {do: func(c *client.Client) error {
		return one(c.PutGroup(ctx, "acme", "web", client.GroupSpec{Name: "web"}))
	}, answer: client.Group{}, body: client.GroupSpec{}},
	"patchSecurityGroup":  {do: func(c *client.Client) error { return one(c.PatchGroup(ctx, "acme", "web", patch)) }, answer: client.Group{}},
	"deleteSecurityGroup": {do: func(c *client.Client) error { return c.DeleteGroup(ctx, "acme", "web") }},
	"getNetworkScope":     {do: func(c *client.Client) error { return one(c.GroupNetworks(ctx, "acme", "web")) }, answer: client.Scope{}, skip: []string{"next_cursor"}},
	"addNetwork":          {do: func(c *client.Client) error { return c.AddGroupNetwork(ctx, "acme", "web", "net-1") }},
	"removeNetwork":       {do: func(c *client.Client) error { return c.RemoveGroupNetwork(ctx, "acme", "web", "net-1") }},
	"listMembers":         {do: func(c *client.Client) error { return all(c.Members(ctx, "acme", "web")) }, answer: client.Member{}, list: true},
	"getReferences":       {do: func(c *client.Client) error { return one(c.References(ctx, "acme", "web")) }, answer: client.References{}, skip: []string{"revision"}},
	"getGroupRealization": {do: func(c *client.Client) error { return one(c.GroupRealization(ctx, "acme", "web", 0, 0)) }, answer: client.Realization{}},
	"listSharedGroups":    {do: func(c *client.Client) error { return all(c.SharedGroups(ctx, "acme")) }, answer: client.SharedWithMe{}, list: true},
	"listShares":          {do: func(c *client.Client) error { return all(c.Shares(ctx, "acme", "web")) }, answer: client.Share{}, list: true},
	"getShare":            {do: func(c *client.Client) error { return one(c.Share(ctx, "acme", "web", "bolt")) }, answer: client.Share{}},
	"putShare":            {do: func(c *client.Client) error { return one(c.PutShare(ctx, "acme", "web", "bolt", []string{"attach"})) }, answer: client.Share{}},
	"deleteShare":         {do: func(c *client.Client) error { return c.DeleteShare(ctx, "acme", "web", "bolt") }},

	"listRules":  {do: func(c *client.Client) error { return all(c.Rules(ctx, "acme", "web")) }, answer: client.Rule{}, list: true},
	"createRule": {do: func(c *client.Client) error { return one(c.CreateRule(ctx, "acme", "web", rule)) }, answer: client.Rule{}, body: rule},
	"putRules":   {do: func(c *client.Client) error { return c.ReplaceRules(ctx, "acme", "web", []client.RuleSpec{rule}) }},
	"getRule":    {do: func(c *client.Client) error { return one(c.Rule(ctx, "acme", "web", "https")) }, answer: client.Rule{}},
	"putRule":    {do: func(c *client.Client) error { return one(c.PutRule(ctx, "acme", "web", "https", rule)) }, answer: client.Rule{}, body: rule},
	"patchRule":  {do: func(c *client.Client) error { return one(c.PatchRule(ctx, "acme", "web", "https", patch)) }, answer: client.Rule{}},
	"deleteRule": {do: func(c *client.Client) error { return c.DeleteRule(ctx, "acme", "web", "https") }},

	"listInstances":             {do: func(c *client.Client) error { return all(c.Instances(ctx, "acme")) }, answer: client.Instance{}, list: true},
	"getInstance":               {do: func(c *client.Client) error { return one(c.Instance(ctx, "acme", "vm-1")) }, answer: client.Instance{}},
	"putInstance":               {do: func(c *client.Client) error { return one(c.PutInstance(ctx, "acme", "vm-1", client.InstanceSpec{})) }, answer: client.Instance{}, body: client.InstanceSpec{}},
	"deleteInstance":            {do: func(c *client.Client) error { return c.DeleteInstance(ctx, "acme", "vm-1") }},
	"getInstanceSecurityGroups": {do: func(c *client.Client) error { return one(c.InstanceGroups(ctx, "acme", "vm-1")) }, answer: client.AttachedGroup{}, list: true},
	"putInstanceSecurityGroups": {do: func(c *client.Client) error { return c.SetInstanceGroups(ctx, "acme", "vm-1", []string{"web"}) }},
	"attachInstance":            {do: func(c *client.Client) error { return c.AttachInstance(ctx, "acme", "vm-1", "web") }},
	"detachInstance":            {do: func(c *client.Client) error { return c.DetachInstance(ctx, "acme", "vm-1", "web") }},

	"listNICs":             {do: func(c *client.Client) error { return all(c.NICs(ctx, "acme")) }, answer: client.NIC{}, list: true},
	"getNIC":               {do: func(c *client.Client) error { return one(c.NIC(ctx, "acme", "nic-1")) }, answer: client.NIC{}},
	"listEffectiveRules":   {do: func(c *client.Client) error { return all(c.EffectiveRules(ctx, "acme", "nic-1")) }, answer: client.EffectiveRule{}, list: true},
	"getNICSecurityGroups": {do: func(c *client.Client) error { return one(c.NICGroups(ctx, "acme", "nic-1")) }, answer: client.AttachedGroup{}, list: true},
	"putNICSecurityGroups": {do: func(c *client.Client) error { return c.SetNICGroups(ctx, "acme", "nic-1", []string{"web"}) }},
	"attachNIC":            {do: func(c *client.Client) error { return c.AttachNIC(ctx, "acme", "nic-1", "web") }},
	"detachNIC":            {do: func(c *client.Client) error { return c.DetachNIC(ctx, "acme", "nic-1", "web") }},

	"getPlatformNIC": {do: func(c *client.Client) error { return one(c.PlatformNIC(ctx, "nic-1")) }, answer: client.NIC{}},
	"putNIC":         {do: func(c *client.Client) error { return one(c.PutNIC(ctx, "nic-1", nic)) }, answer: client.NIC{}, body: nic},
	"deleteNIC":      {do: func(c *client.Client) error { return c.DeleteNIC(ctx, "nic-1") }},
	"listNetworks":   {do: func(c *client.Client) error { return all(c.Networks(ctx)) }, answer: client.Network{}, list: true},
	"getNetwork":     {do: func(c *client.Client) error { return one(c.Network(ctx, "net-1")) }, answer: client.Network{}},
	"putNetwork":     {do: func(c *client.Client) error { return one(c.PutNetwork(ctx, "net-1", client.NetworkSpec{Type: "flat"})) }, answer: client.Network{}, body: client.NetworkSpec{}},
	"deleteNetwork":  {do: func(c *client.Client) error { return c.DeleteNetwork(ctx, "net-1") }},
	"listHosts":      {do: func(c *client.Client) error { return all(c.Hosts(ctx)) }, answer: client.Host{}, list: true},
	"getHost":        {do: func(c *client.Client) error { return one(c.Host(ctx, "host-1")) }, answer: client.Host{}},
	"forgetHost":     {do: func(c *client.Client) error { return c.ForgetHost(ctx, "host-1") }},
	"getRealization": {do: func(c *client.Client) error { return one(c.Realization(ctx, 0, 0)) }, answer: client.Realization{}},
	"getCluster":     {do: func(c *client.Client) error { return one(c.Cluster(ctx)) }, answer: client.Cluster{}},
	"putCluster":     {do: func(c *client.Client) error { return one(c.AdoptCluster(ctx)) }, answer: client.Cluster{}},
	"holdCluster":    {do: func(c *client.Client) error { return one(c.HoldCluster(ctx, 3)) }, answer: client.Cluster{}},
	"releaseCluster": {do: func(c *client.Client) error { return c.ReleaseCluster(ctx) }},
	"getBaseline":    {do: func(c *client.Client) error { return one(c.Baseline(ctx)) }, answer: client.Baseline{}},
	"putBaseline": {do: func(c *client.Client) error {
		return one(c.PutBaseline(ctx, client.Baseline{Addresses: []client.BaselineAddress{}}))
	}, answer: client.Baseline{}, body: client.Baseline{}},

	"createTransaction": {do: func(c *client.Client) error {
		return one(c.Transaction(ctx, "acme", []client.Operation{{Method: "POST", Path: "/security-groups", Body: client.GroupSpec{Name: "db"}}}))
	}},
	"listEvents": {do: func(c *client.Client) error {
		_, _, err := c.Events(ctx, "acme", 7, time.Second)
		return err
	}, answer: client.Event{}, list: true},
	"listAudit":         {do: func(c *client.Client) error { return all(c.Audit(ctx, "acme")) }, answer: client.AuditEntry{}, list: true},
	"listPlatformAudit": {do: func(c *client.Client) error { return all(c.PlatformAudit(ctx)) }, answer: client.AuditEntry{}, list: true},

	"trace":           {do: func(c *client.Client) error { return one(c.Trace(ctx, "acme", trace)) }, answer: client.Trace{}, body: trace},
	"getTrace":        {do: func(c *client.Client) error { return one(c.GetTrace(ctx, "acme", "t-1")) }, answer: client.Trace{}},
	"listFlows":       {do: func(c *client.Client) error { return one(c.Flows(ctx, "acme", client.FlowFilter{})) }, answer: client.FlowList{}},
	"listConnections": {do: func(c *client.Client) error { return one(c.Connections(ctx, "acme", "", "")) }, answer: client.ConnectionList{}},
	"getActivity":     {do: func(c *client.Client) error { return one(c.Activity(ctx, "acme")) }, answer: client.Activity{}},
	"listDrops":       {do: func(c *client.Client) error { return one(c.Drops(ctx, "acme", client.DropFilter{})) }, answer: client.DropList{}},

	"getHealth":    {do: func(c *client.Client) error { return c.Healthy(ctx) }},
	"getReadiness": {do: func(c *client.Client) error { return c.Ready(ctx) }},
	"getMetrics":   {do: func(c *client.Client) error { return one(c.Metrics(ctx)) }},
	"getOpenAPI":   {do: func(c *client.Client) error { return one(c.OpenAPI(ctx)) }},
}
