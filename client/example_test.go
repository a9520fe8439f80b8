package client_test

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/ringfence/ringfence/client"
)

// A group with a rule, which is in force on every host that it concerns when the
// last call returns. It needs a running API and so is compiled, and not run.
func Example() {
	c, err := client.New("http://127.0.0.1:8080", os.Getenv("RINGFENCE_TOKEN"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	ctx, port := context.Background(), 443
	group, err := c.CreateGroup(ctx, "acme", client.GroupSpec{Name: "web"})
	if err != nil {
		fmt.Println(err)
		return
	}
	rule := client.RuleSpec{Direction: "ingress", Protocol: "tcp", PortMin: &port}
	if _, err = c.CreateRule(ctx, "acme", group.ID, rule, client.Wait(10*time.Second)); err != nil {
		fmt.Println(err) // a *client.Problem has the API's code and the field that it is about
	}
}

// What a change would open and close is asked for without making it.
func ExampleDryRun() {
	c, err := client.New("http://127.0.0.1:8080", os.Getenv("RINGFENCE_TOKEN"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	var meta client.Meta
	if err := c.DeleteRule(context.Background(), "acme", "web", "http", client.DryRun(), client.Into(&meta)); err != nil {
		fmt.Println(err)
		return
	}
	for _, a := range meta.Access.NoLongerAllowed {
		fmt.Println("no longer allowed:", a.Direction, a.Protocol)
	}
	fmt.Println("open connections that it would cut:", meta.Connections.Count)
}
