package ovsdb

import (
	"context"
	"errors"
	"time"

	"github.com/ovn-kubernetes/libovsdb/ovsdb"
)

// waitSlice is how long one wait operation holds; then it is asked anew.
const waitSlice = 10 * time.Second

// configure commits operations and returns when ovs-vswitchd has carried them
// out: a writer adds 1 to next_cfg, and ovs-vswitchd sets cur_cfg to what it
// has realised (ovs-vswitchd.conf.db(5), table Open_vSwitch). Without
// operations it writes nothing, and waits for what others wrote.
func (c *Client) configure(ctx context.Context, what string, ops ...ovsdb.Operation) error {
	if len(ops) > 0 {
		ops = append(ops, mutateRoot(mutation("next_cfg", ovsdb.MutateOperationAdd, 1)), comment("ringfence: "+what))
	}
	ops = append(ops, selectFrom("Open_vSwitch", []string{"next_cfg"}))
	results, err := c.transact(ctx, ops...)
	if err != nil {
		return err
	}
	rows := results[len(ops)-1].Rows
	if len(rows) != 1 {
		return errUninitialised
	}
	next, ok := rows[0]["next_cfg"].(float64) // a number of JSON
	if !ok {
		return errUninitialised
	}
	return c.awaitConfig(ctx, int(next))
}

var errUninitialised = errors.New("the table Open_vSwitch has no row: run ovs-vsctl init")

// mutateRoot changes the only row of the table Open_vSwitch.
func mutateRoot(m ...ovsdb.Mutation) ovsdb.Operation { return mutate("Open_vSwitch", anyRow(), m...) }

// awaitConfig returns when cur_cfg has reached next.
func (c *Client) awaitConfig(ctx context.Context, next int) error {
	for {
		rows, err := c.rows(ctx, "Open_vSwitch", []string{"cur_cfg"})
		if err != nil {
			return err
		}
		if len(rows) != 1 {
			return errUninitialised
		}
		cur := rows[0].number("cur_cfg")
		if cur >= next {
			return nil
		}
		_, err = c.transact(ctx, waitUntilChanged("Open_vSwitch", ovsdb.Row{"cur_cfg": cur}, waitSlice))
		var refused *TransactError
		if err != nil && !(errors.As(err, &refused) && refused.Code == "timed out") {
			return err
		}
	}
}
