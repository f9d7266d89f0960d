module github.com/panui/panui

go 1.26
