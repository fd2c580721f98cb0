package rpyc

import "context"

// passed is an object of one peer that was sent to another. Requests of the other peer are forwarded to its owner.
// Names are checked first by the rules of the connection over which it was sent, then by its owner's.
type passed struct{ object *Object }

// forward forwards a peer's request to the owner of the object.
func (s *served) forward(ctx context.Context, on *passed) (any, error) {
	parts, _ := s.args.(Tuple)
	if len(parts) != 2 {
		return nil, problemf(ErrProtocol, "the library returned an invalid request")
	}
	args, _ := parts[0].(Tuple)
	keywords, _ := parts[1].(Dict)
	if len(keywords) > 0 {
		named := Keywords{}
		for _, item := range keywords {
			name, _ := item.Key.(string)
			named[name] = item.Value
		}
		args = append(append(Tuple{}, args...), named)
	}
	if s.event.handler == handleInstanceCheck {
		if object, ok := firstOf(args).(*Object); ok {
			args = Tuple{asItIs{object}}
		}
	}
	return on.object.ask(ctx, s.event.handler, s.event.name, args...)
}
