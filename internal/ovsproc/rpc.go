package ovsproc

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"time"
)

// ask makes one request of JSON-RPC 1.0, which both daemons speak, at a socket. A
// tool of Open vSwitch that is started for it costs thirty times as much, nearly
// all of it for loading its libraries.
func ask(ctx context.Context, socket, method string, params any) (result json.RawMessage, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("ovsproc: %s %v: %w", method, params, err)
		}
	}()
	c, err := new(net.Dialer).DialContext(ctx, "unix", socket)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	defer context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Unix(1, 0)) })()
	if err := json.NewEncoder(c).Encode(map[string]any{"id": 0, "method": method, "params": params}); err != nil {
		return nil, err
	}
	var answer struct{ Result, Error json.RawMessage }
	if err := json.NewDecoder(c).Decode(&answer); err != nil {
		return nil, err
	}
	if len(answer.Error) > 0 && string(answer.Error) != "null" {
		return nil, fmt.Errorf("%s", answer.Error)
	}
	return answer.Result, nil
}
