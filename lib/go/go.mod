module mdshmd/mdclient

go 1.19
