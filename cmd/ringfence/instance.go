package main

import (
	"strconv"
	"strings"

	"github.com/ringfence/ringfence/client"
)

type instanceCmd struct {
	List   instanceList   `cmd:"" aliases:"ls" help:"List the account's instances."`
	Show   instanceShow   `cmd:"" aliases:"get,describe" help:"Show an instance and its NICs."`
	Put    instancePut    `cmd:"" aliases:"create" help:"Make or replace an instance."`
	Delete instanceDelete `cmd:"" aliases:"rm,remove" help:"Delete an instance without NICs."`
}

type instanceList struct{ listFlags }

func (instanceList) Run(t *tenant) error {
	var meta client.Meta
	instances, err := client.Collect(t.api.Instances(t.ctx, t.account, client.Into(&meta)))
	if err != nil {
		return err
	}
	rows := make([][]cell, 0, len(instances))
	for _, i := range instances {
		rows = append(rows, []cell{text(i.ID), text(i.Name), text(strings.Join(i.NICs, " ")), timeCell(i.CreatedAt), timeCell(i.UpdatedAt), revisionCell(i.Revision)})
	}
	return t.list(meta, []string{"ID", "NAME"}, append([]string{"NICS"}, wideTimes...), rows)
}

type instanceShow struct {
	ID string `arg:"" complete:"instance" help:"The instance."`
}

func (c instanceShow) Run(t *tenant) error {
	var meta client.Meta
	i, err := t.api.Instance(t.ctx, t.account, c.ID, client.Into(&meta))
	if err != nil {
		return err
	}
	if t.out.documents {
		return t.show(meta)
	}
	nics, err := client.Collect(t.api.NICs(t.ctx, t.account, client.Query("instance", c.ID)))
	if err != nil {
		return err
	}
	if err := t.show(meta, [2]string{"id", i.ID}, [2]string{"name", i.Name}, [2]string{"revision", strconv.FormatInt(i.Revision, 10)}); err != nil {
		return err
	}
	if len(nics) > 0 {
		t.out.line("")
		t.out.table(nicHeader, nicRows(t, nics))
	}
	return nil
}

type instancePut struct {
	ID   string `arg:"" help:"The platform's own id of the instance."`
	Name string `help:"A name for people."`
}

func (instancePut) bodyFlags() flagNames { return flagNames{"/name": "--name"} }

func (c instancePut) Run(t *tenant) error {
	var meta client.Meta
	if _, err := t.api.PutInstance(t.ctx, t.account, c.ID, client.InstanceSpec{Name: c.Name}, t.mutation(&meta)...); err != nil {
		return err
	}
	return t.saved(meta, "instance %s", c.ID)
}

type instanceDelete struct {
	ID string `arg:"" complete:"instance" help:"The instance."`
}

func (c instanceDelete) Run(t *tenant) error {
	var meta client.Meta
	if err := t.api.DeleteInstance(t.ctx, t.account, c.ID, t.mutation(&meta)...); err != nil {
		return err
	}
	return t.done(meta, "deleted instance %s", c.ID)
}
