package platform

import (
	"strconv"
	"strings"

	"github.com/ringfence/ringfence/client"
	"github.com/ringfence/ringfence/cmd/ringfence/internal/failure"
	"github.com/ringfence/ringfence/cmd/ringfence/internal/output"
	"github.com/ringfence/ringfence/cmd/ringfence/internal/session"
)

// Instance is "ringfence instance": instances (VMs).
type Instance struct {
	List   instanceList   `cmd:"" aliases:"ls" help:"List the account's instances."`
	Show   instanceShow   `cmd:"" aliases:"get,describe" help:"Show an instance and its NICs."`
	Put    instancePut    `cmd:"" aliases:"create" help:"Make or replace an instance."`
	Delete instanceDelete `cmd:"" aliases:"rm,remove" help:"Delete an instance without NICs."`
}

type instanceList struct{ session.ListFlags }

func (instanceList) Run(t *session.Tenant) error {
	var meta client.Meta
	return session.ListAll(t.Session, &meta, t.API.Instances(t.Ctx, t.Account, client.Into(&meta)),
		[]string{"ID", "NAME"}, append([]string{"NICS"}, output.WideTimes...), func(i client.Instance) []output.Cell {
			return []output.Cell{output.Text(i.ID), output.Text(i.Name), output.Text(strings.Join(i.NICs, " ")), output.TimeCell(i.CreatedAt), output.TimeCell(i.UpdatedAt), output.RevisionCell(i.Revision)}
		})
}

type instanceShow struct {
	ID string `arg:"" complete:"instance" help:"The instance."`
}

func (c instanceShow) Run(t *session.Tenant) error {
	var meta client.Meta
	i, err := t.API.Instance(t.Ctx, t.Account, c.ID, client.Into(&meta))
	if err != nil {
		return err
	}
	if t.Out.Documents {
		return t.Show(meta)
	}
	nics, err := client.Collect(t.API.NICs(t.Ctx, t.Account, client.Query("instance", c.ID)))
	if err != nil {
		return err
	}
	if err := t.Show(meta, [2]string{"id", i.ID}, [2]string{"name", i.Name}, [2]string{"revision", strconv.FormatInt(i.Revision, 10)}); err != nil {
		return err
	}
	if len(nics) > 0 {
		t.Out.Line("")
		t.Out.Table(nicHeader, nicRows(t, nics))
	}
	return nil
}

type instancePut struct {
	ID   string `arg:"" help:"The platform's own id of the instance."`
	Name string `help:"A name for people."`
}

func (instancePut) BodyFlags() failure.FlagNames { return failure.FlagNames{"/name": "--name"} }

func (c instancePut) Run(t *session.Tenant) error {
	var meta client.Meta
	if _, err := t.API.PutInstance(t.Ctx, t.Account, c.ID, client.InstanceSpec{Name: c.Name}, t.Mutation(&meta)...); err != nil {
		return err
	}
	return t.Saved(meta, "instance %s", c.ID)
}

type instanceDelete struct {
	ID string `arg:"" complete:"instance" help:"The instance."`
}

func (c instanceDelete) Run(t *session.Tenant) error {
	var meta client.Meta
	if err := t.API.DeleteInstance(t.Ctx, t.Account, c.ID, t.Mutation(&meta)...); err != nil {
		return err
	}
	return t.Done(meta, "deleted instance %s", c.ID)
}
