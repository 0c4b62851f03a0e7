// Reads everything there is of anomaly detection with the typed client, which refuses an answer that has a field of
// another type. Prints a line for each operation: its name, a tab, how many things were read; or its name, a tab, and
// what the client refused after "refused: ".
//
// Argument: the address. judged.py makes what is read, under the names that are used here.
package main

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"strings"

	"github.com/elastic/elastic-transport-go/v8/elastictransport"
)

const (
	job        = "judged"
	categories = "judged-categories"
	all        = "judged*"
)

type reading struct {
	operation string
	count     func() (int, error)
}

// of reads by a function of the client and counts what its answer has.
func of[Answer any](operation string, ask func(context.Context) (Answer, error), size func(Answer) int) reading {
	return reading{operation, func() (int, error) {
		answer, err := ask(context.Background())
		if err != nil {
			return 0, err
		}
		return size(answer), nil
	}}
}

func main() {
	address, err := url.Parse(os.Args[1])
	if err != nil {
		panic(err)
	}
	server, err := elastictransport.New(elastictransport.Config{URLs: []*url.URL{address}, DisableRetry: true})
	if err != nil {
		panic(err)
	}
	for _, each := range readings(server) {
		count, err := each.count()
		if err != nil {
			fmt.Printf("%s\trefused: %s\n", each.operation, strings.Join(strings.Fields(err.Error()), " "))
			continue
		}
		fmt.Printf("%s\t%d\n", each.operation, count)
	}
}
