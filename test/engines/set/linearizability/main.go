// Checks that histories of calls on registers are linearizable. Each argument is a file of lines
// of JSON, one for each call; the program prints a line for each file, and exits with 1 if one is
// not. A register is a fixed name, a tag or whether a value is stored; its calls are:
//
//	set    unconditional: a tag moves, a value is put
//	create once: a fixed name is bound; `result` is `ok`, or `conflict` where it is bound otherwise
//	clear  a name is unbound, a value is removed; `result` is `ok`, or `not-found`
//	read   `result` is what is there, or the empty text
//
// A call without an outcome (it failed so that it may or may not have happened) has `end` -1 and the
// result `unknown`: it may take effect at any time from its start.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"time"

	"github.com/anishathalye/porcupine"
)

type call struct {
	Client   int    `json:"client"`
	Register string `json:"register"`
	Kind     string `json:"kind"`
	Value    string `json:"value"`
	Result   string `json:"result"`
	Start    int64  `json:"start"`
	End      int64  `json:"end"`
}

func step(state, input, output interface{}) (bool, interface{}) {
	held, in, result := state.(string), input.(call), output.(string)
	switch in.Kind {
	case "set":
		return true, in.Value
	case "create":
		free := held == "" || held == in.Value
		if result == "unknown" {
			if free {
				return true, in.Value
			}
			return true, held
		}
		if result == "ok" {
			return free, in.Value
		}
		return !free, held
	case "clear":
		if result == "unknown" {
			return true, ""
		}
		return (result == "ok") == (held != ""), ""
	default:
		return result == held, held
	}
}

var model = porcupine.Model{
	Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
		by := map[string][]porcupine.Operation{}
		for _, operation := range history {
			register := operation.Input.(call).Register
			by[register] = append(by[register], operation)
		}
		parts := make([][]porcupine.Operation, 0, len(by))
		for _, part := range by {
			parts = append(parts, part)
		}
		return parts
	},
	Init: func() interface{} { return "" },
	Step: step,
}

func read(path string) ([]porcupine.Operation, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var history []porcupine.Operation
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		var one call
		if err := json.Unmarshal(lines.Bytes(), &one); err != nil {
			return nil, err
		}
		end := one.End
		if end < 0 {
			end = math.MaxInt64
		}
		history = append(history, porcupine.Operation{
			ClientId: one.Client, Input: one, Call: one.Start, Output: one.Result, Return: end,
		})
	}
	return history, lines.Err()
}

func main() {
	failed := false
	for _, path := range os.Args[1:] {
		history, err := read(path)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
		result := porcupine.CheckOperationsTimeout(model, history, time.Minute)
		fmt.Printf("%s: %d calls: %s\n", path, len(history), result)
		failed = failed || result != porcupine.Ok
	}
	if failed {
		os.Exit(1)
	}
}
