module rpyc

go 1.19
