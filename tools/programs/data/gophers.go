// Go's runtime at work: goroutines on eight threads, HTTP on the loopback, signals, a collector under load.
package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"
)

func goroutines() {
	runtime.GOMAXPROCS(8)
	results := make(chan int, 100)
	var group sync.WaitGroup
	for worker := 0; worker < 8; worker++ {
		group.Add(1)
		go func(worker int) {
			defer group.Done()
			runtime.LockOSThread()
			for i := 0; i < 500; i++ {
				sum := 0
				for n := 0; n < 200; n++ {
					sum += n * i
				}
				results <- sum % (worker + 2)
			}
		}(worker)
	}
	go func() { group.Wait(); close(results) }()
	total := 0
	for result := range results {
		total += result
	}
	fmt.Println("goroutines", total)
	// One that never calls must be taken off its thread.
	runtime.GOMAXPROCS(1)
	stop := false
	go func() {
		for n := 0; !stop; n++ {
		}
	}()
	time.Sleep(20 * time.Millisecond)
	stop = true
	fmt.Println("preempted")
}

func serve() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/upper", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprint(w, strings.ToUpper(string(body)))
	})
	go http.Serve(listener, mux)
	var group sync.WaitGroup
	answers := make([]string, 20)
	for i := range answers {
		group.Add(1)
		go func(i int) {
			defer group.Done()
			response, err := http.Post("http://"+listener.Addr().String()+"/upper", "text/plain", strings.NewReader(fmt.Sprintf("hello %d", i)))
			if err != nil {
				answers[i] = err.Error()
				return
			}
			defer response.Body.Close()
			body, _ := io.ReadAll(response.Body)
			answers[i] = fmt.Sprint(response.StatusCode, " ", string(body))
		}(i)
	}
	group.Wait()
	fmt.Println(strings.Join(answers, ", "))
}

func signals() {
	arrived := make(chan os.Signal, 4)
	signal.Notify(arrived, syscall.SIGUSR1, syscall.SIGTERM)
	for _, s := range []syscall.Signal{syscall.SIGUSR1, syscall.SIGTERM} {
		syscall.Kill(os.Getpid(), s)
		fmt.Println("signal", <-arrived)
	}
	defer func() { fmt.Println("recovered:", recover()) }()
	var nothing *struct{ field [100]int }
	fmt.Println(nothing.field[3])
}

type tree struct {
	left, right *tree
	load        [14]int
}

func grow(depth int) *tree {
	if depth == 0 {
		return &tree{}
	}
	return &tree{left: grow(depth - 1), right: grow(depth - 1)}
}
func (t *tree) count() int {
	if t.left == nil {
		return 1
	}
	return 1 + t.left.count() + t.right.count()
}

func collect() {
	long := grow(14)
	var group sync.WaitGroup
	var lock sync.Mutex
	total := 0
	for i := 0; i < 4; i++ {
		group.Add(1)
		go func() {
			defer group.Done()
			for round := 0; round < 20; round++ {
				count := grow(10).count()
				lock.Lock()
				total += count
				lock.Unlock()
			}
		}()
	}
	group.Wait()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	fmt.Println("trees", total, long.count(), "collected", stats.NumGC > 0)
}

func main() {
	goroutines()
	serve()
	signals()
	collect()
}
