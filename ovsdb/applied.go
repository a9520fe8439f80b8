package ovsdb

import (
	"context"
	"errors"
	"slices"
	"time"
)

// waitSlice is how long one wait operation holds; then it is asked anew.
const waitSlice = 10 * time.Second

// configure commits operations and returns when ovs-vswitchd has carried them
// out: a writer adds 1 to next_cfg, and ovs-vswitchd sets cur_cfg to what it
// has realised (ovs-vswitchd.conf.db(5), table Open_vSwitch). Without
// operations it writes nothing, and waits for what others wrote.
func (c *Client) configure(ctx context.Context, comment string, ops ...Operation) error {
	if len(ops) > 0 {
		ops = append(slices.Clone(ops),
			mutateRoot(Mutation{"next_cfg", "+=", Scalar(Integer(1))}),
			Comment("ringfence: "+comment))
	}
	ops = append(ops, Select("Open_vSwitch", []string{"next_cfg"}))
	results, err := c.transact(ctx, ops)
	if err != nil {
		return err
	}
	rows := results[len(ops)-1].Rows
	if len(rows) != 1 {
		return errUninitialised
	}
	next, _ := rows[0]["next_cfg"].Int()
	return c.awaitConfig(ctx, next)
}

var errUninitialised = errors.New("the table Open_vSwitch has no row: run ovs-vsctl init")

// mutateRoot changes the only row of the table Open_vSwitch.
func mutateRoot(m ...Mutation) Operation { return Mutate("Open_vSwitch", anyRow, m...) }

// awaitConfig returns when cur_cfg has reached next.
func (c *Client) awaitConfig(ctx context.Context, next int64) error {
	for {
		rows, err := c.selectRows(ctx, "Open_vSwitch", []string{"cur_cfg"})
		if err != nil {
			return err
		}
		if len(rows) != 1 {
			return errUninitialised
		}
		if cur, _ := rows[0]["cur_cfg"].Int(); cur >= next {
			return nil
		}
		_, err = c.transact(ctx, []Operation{waitUntilChanged("Open_vSwitch", rows[0], waitSlice)})
		var refused *TransactError
		if err != nil && !(errors.As(err, &refused) && refused.Code == "timed out") {
			return err
		}
	}
}
