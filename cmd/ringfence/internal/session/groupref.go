package session

import (
	"errors"
	"fmt"
	"strings"

	"github.com/ringfence/ringfence/client"
)

// Group finds a group by its id or, if there is none, by its name.
func (t *Tenant) Group(ref string) (client.Group, error) {
	g, err := t.API.Group(t.Ctx, t.Account, ref)
	var problem *client.Problem
	if errors.As(err, &problem) && client.IsNotFound(err) {
		g, err = t.groupByName(ref)
		if err == nil && g.ID == "" {
			problem.Detail = fmt.Sprintf("account %s has no group with the name or id %q", t.Account, ref)
			err = problem
		}
	}
	if err == nil {
		t.Known[g.ID] = g
	}
	return g, err
}

// groupByName returns the zero Group if no group has the name.
func (t *Tenant) groupByName(name string) (client.Group, error) {
	for g, err := range t.API.Groups(t.Ctx, t.Account, client.Query("name", name)) {
		if err != nil || g.Name == name {
			return g, err
		}
	}
	return client.Group{}, nil
}

// GroupID is the id of a group given by name or id, or as another account's.
func (t *Tenant) GroupID(ref string) (string, error) {
	if strings.Contains(ref, "/") { // "account/id", which cannot be read
		return ref, nil
	}
	g, err := t.Group(ref)
	return g.ID, err
}

// GroupLabel is a group's name with its id; "" for none.
func (t *Tenant) GroupLabel(id string) string {
	if name := t.GroupName(id); name != id {
		return name + " (" + id + ")"
	}
	return id
}

// GroupName is a group's name, or its id if the name cannot be read.
func (t *Tenant) GroupName(id string) string {
	g, seen := t.Known[id]
	if !seen && id != "" && !strings.Contains(id, "/") { // "account/id" is another account's
		g, _ = t.API.Group(t.Ctx, t.Account, id) // the id will do where the name is out of reach
		t.Known[id] = g
	}
	if g.Name == "" {
		return id
	}
	return g.Name
}

// AttachmentText shows where a group is attached.
func AttachmentText(a client.Attachment) string {
	if a.Instance != "" {
		return "instance " + a.Instance
	}
	return "NIC " + a.NIC
}
