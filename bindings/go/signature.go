package rpyc

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

// param is a parameter of a signature, without its star.
type param struct {
	name     string
	kind     int
	optional string // source of its default; "" if it has none
}

const (
	paramPlain = iota
	paramRest  // *rest
	paramNamed // **named
)

// signature is the list of parameters of a function for peers. The library matches the arguments of a call with its
// source string.
type signature struct {
	text, name string
	params     []param
}

// parseSignature parses parameters in Python's notation. The library checks the rest when it receives the string.
func parseSignature(text string) (*signature, error) {
	open, end := strings.IndexByte(text, '('), strings.LastIndexByte(text, ')')
	name := strings.TrimSpace(text[:max(open, 0)])
	if open < 0 || end < open || name == "" {
		return nil, fmt.Errorf("rpyc: signature %q: write NAME(PARAMETERS)", text)
	}
	sig := &signature{text: text, name: name}
	for _, part := range splitParameters(text[open+1 : end]) {
		kind := paramPlain
		switch {
		case part == "" || part == "*" || part == "/":
			continue
		case strings.HasPrefix(part, "**"):
			kind, part = paramNamed, part[2:]
		case strings.HasPrefix(part, "*"):
			kind, part = paramRest, part[1:]
		}
		name, optional := part, ""
		if at := strings.IndexAny(part, ":= "); at >= 0 {
			name = part[:at]
			if equals := lastEquals(part); equals >= 0 {
				optional = strings.TrimSpace(part[equals+1:])
			}
		}
		sig.params = append(sig.params, param{strings.TrimSpace(name), kind, optional})
	}
	return sig, nil
}

// splitParameters splits at the commas outside of brackets and quotes.
func splitParameters(text string) []string {
	var parts []string
	depth, start := 0, 0
	var quote rune
	for i, r := range text {
		switch {
		case quote != 0:
			if r == quote {
				quote = 0
			}
		case r == '\'' || r == '"':
			quote = r
		case strings.ContainsRune("([{", r):
			depth++
		case strings.ContainsRune(")]}", r):
			depth--
		case r == ',' && depth == 0:
			parts = append(parts, strings.TrimSpace(text[start:i]))
			start = i + 1
		}
	}
	return append(parts, strings.TrimSpace(text[start:]))
}

// plainSignature makes the signature of a Go function without parameter names: they are positional.
func plainSignature(name string, t reflect.Type, skip int) *signature {
	sig := &signature{name: name}
	var shown []string
	plain, rest, named := 0, false, false
	for i := skip; i < t.NumIn(); i++ {
		switch {
		case t.In(i) == contextType && i == skip:
		case t.In(i) == keywordsType:
			named = true
		case t.IsVariadic() && i == t.NumIn()-1:
			rest = true
		default:
			plain++
			sig.params = append(sig.params, param{"arg" + strconv.Itoa(plain), paramPlain, ""})
			shown = append(shown, "arg"+strconv.Itoa(plain))
		}
	}
	if plain > 0 {
		shown = append(shown, "/")
	}
	if rest {
		sig.params = append(sig.params, param{"args", paramRest, ""})
		shown = append(shown, "*args")
	}
	if named {
		sig.params = append(sig.params, param{"kwargs", paramNamed, ""})
		shown = append(shown, "**kwargs")
	}
	sig.text = name + "(" + strings.Join(shown, ", ") + ")"
	return sig
}

// lastEquals finds the start of a parameter's default, after its annotation.
func lastEquals(part string) int {
	for i := 0; i < len(part); i++ {
		switch part[i] {
		case '=':
			return i
		case '\'', '"':
			if end := strings.IndexByte(part[i+1:], part[i]); end >= 0 {
				i += end + 1
			}
		}
	}
	return -1
}

// bind matches arguments with the signature for constructors, for which the library does not.
func (sig *signature) bind(args Tuple, keywords Dict) ([]any, error) {
	wrong := func(format string, what ...any) ([]any, error) {
		return nil, Raise("TypeError", sig.name+"() "+fmt.Sprintf(format, what...))
	}
	count := len(args)
	slots := make([]any, len(sig.params))
	rest, named := Tuple{}, Dict{}
	given := map[string]any{}
	for _, item := range keywords {
		name, _ := item.Key.(string)
		given[name] = item.Value
	}
	var sink *Tuple
	var missed []string
	for i, p := range sig.params {
		switch p.kind {
		case paramRest:
			rest, args, sink = args, nil, &rest
		case paramPlain:
			value, byName := given[p.name]
			delete(given, p.name)
			switch {
			case len(args) > 0 && byName:
				return wrong("got multiple values for argument '%s'", p.name)
			case len(args) > 0:
				slots[i], args = args[0], args[1:]
			case byName:
				slots[i] = value
			case p.optional == "":
				missed = append(missed, "'"+p.name+"'")
			default:
				var err error
				if slots[i], err = literal(p.optional); err != nil {
					return nil, err
				}
			}
		}
	}
	if len(args) > 0 {
		return wrong("%s", sig.tooMany(count))
	}
	switch n := len(missed); {
	case n == 1:
		return wrong("missing 1 required positional argument: %s", missed[0])
	case n > 1:
		joined := strings.Join(missed[:n-1], ", ") + map[bool]string{true: ",", false: ""}[n > 2]
		return wrong("missing %d required positional arguments: %s and %s", n, joined, missed[n-1])
	}
	for _, name := range sortedNames(given) {
		named = append(named, Item{name, given[name]})
	}
	for i, p := range sig.params {
		switch p.kind {
		case paramRest:
			slots[i] = *sink
		case paramNamed:
			slots[i], named = named, nil
		}
	}
	if len(named) > 0 {
		return wrong("got an unexpected keyword argument '%s'", named[0].Key)
	}
	return slots, nil
}

// tooMany returns the message for too many positional arguments.
func (sig *signature) tooMany(count int) string {
	least, most := 0, 0
	for _, p := range sig.params {
		if p.kind == paramPlain {
			most++
			least += number(p.optional == "")
		}
	}
	takes, plural, were := strconv.Itoa(most), "s", "were"
	if least < most {
		takes = fmt.Sprintf("from %d to %d", least, most)
	} else if most == 1 {
		plural = ""
	}
	if count == 1 {
		were = "was"
	}
	return fmt.Sprintf("takes %s positional argument%s but %d %s given", takes, plural, count, were)
}

// literal parses a default of a constructor: a number, True, False, None, or a plain string in quotes.
func literal(text string) (any, error) {
	switch text {
	case "None":
		return nil, nil
	case "True":
		return true, nil
	case "False":
		return false, nil
	}
	if n, err := strconv.ParseInt(text, 0, 64); err == nil {
		return n, nil
	}
	if x, err := strconv.ParseFloat(text, 64); err == nil {
		return x, nil
	}
	if n := len(text); n >= 2 && (text[0] == '\'' || text[0] == '"') && text[n-1] == text[0] && !strings.Contains(text, "\\") {
		return text[1 : n-1], nil
	}
	return nil, fmt.Errorf("rpyc: the default %s of a constructor is not a number, a name or a plain string", text)
}
