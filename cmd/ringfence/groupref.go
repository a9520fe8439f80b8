package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/ringfence/ringfence/client"
)

// group finds a group by its id or, if there is none, by its name.
func (t *tenant) group(ref string) (client.Group, error) {
	g, err := t.api.Group(t.ctx, t.account, ref)
	var problem *client.Problem
	if errors.As(err, &problem) && client.IsNotFound(err) {
		g, err = t.groupByName(ref)
		if err == nil && g.ID == "" {
			problem.Detail = fmt.Sprintf("account %s has no group with the name or id %q", t.account, ref)
			err = problem
		}
	}
	if err == nil {
		t.Known[g.ID] = g
	}
	return g, err
}

// groupByName returns the zero Group if no group has the name.
func (t *tenant) groupByName(name string) (client.Group, error) {
	for g, err := range t.api.Groups(t.ctx, t.account, client.Query("name", name)) {
		if err != nil || g.Name == name {
			return g, err
		}
	}
	return client.Group{}, nil
}

// groupID is the id of a group given by name or id, or as another account's.
func (t *tenant) groupID(ref string) (string, error) {
	if strings.Contains(ref, "/") { // "account/id", which cannot be read
		return ref, nil
	}
	g, err := t.group(ref)
	return g.ID, err
}

// groupLabel is a group's name with its id; "" for none.
func (t *tenant) groupLabel(id string) string {
	if name := t.groupName(id); name != id {
		return name + " (" + id + ")"
	}
	return id
}

// groupName is a group's name, or its id if the name cannot be read.
func (t *tenant) groupName(id string) string {
	g, seen := t.Known[id]
	if !seen && id != "" && !strings.Contains(id, "/") { // "account/id" is another account's
		g, _ = t.api.Group(t.ctx, t.account, id) // the id will do where the name is out of reach
		t.Known[id] = g
	}
	if g.Name == "" {
		return id
	}
	return g.Name
}

// attachmentText shows where a group is attached.
func attachmentText(a client.Attachment) string {
	if a.Instance != "" {
		return "instance " + a.Instance
	}
	return "NIC " + a.NIC
}
