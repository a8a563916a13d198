module millionfold/external

go 1.22
