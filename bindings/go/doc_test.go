package rpyc

import (
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"os"
	"strings"
	"testing"
)

// Every exported name has a comment that begins with it.
func TestEverythingIsDocumented(t *testing.T) {
	names, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	files := token.NewFileSet()
	var parsed []*ast.File
	for _, entry := range names {
		if strings.HasSuffix(entry.Name(), ".go") && !strings.HasSuffix(entry.Name(), "_test.go") {
			file, err := parser.ParseFile(files, entry.Name(), nil, parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			parsed = append(parsed, file)
		}
	}
	pkg, err := doc.NewFromFiles(files, parsed, "rpyc")
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	check := func(name, text string) {
		count++
		if last := name[strings.LastIndexByte(name, '.')+1:]; !strings.HasPrefix(text, last+" ") {
			t.Errorf("%s: the comment is %q", name, text)
		}
	}
	if !strings.HasPrefix(pkg.Doc, "Package rpyc ") {
		t.Error("the package has no comment")
	}
	functions := func(prefix string, list []*doc.Func) {
		for _, f := range list {
			// Methods for interfaces of Go itself need no comment.
			if f.Name != "Error" && f.Name != "Is" && f.Name != "DescribeRPyC" {
				check(prefix+f.Name, f.Doc)
			}
		}
	}
	functions("", pkg.Funcs)
	for _, kind := range pkg.Types {
		check(kind.Name, kind.Doc)
		functions("", kind.Funcs)
		functions(kind.Name+".", kind.Methods)
	}
	if count < 60 {
		t.Errorf("only %d names were looked at", count)
	}
}
