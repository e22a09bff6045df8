package main

import (
	"log"
	"os"
	"path/filepath"

	"labplan/openstack-plugin/provider"

	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge"
)

// The schema is a file beside the program, so that one compilation makes both
// this program and the one that writes the schema.
func main() {
	program, err := os.Executable()
	if err != nil {
		log.Fatal(err)
	}
	schema, err := os.ReadFile(filepath.Join(filepath.Dir(program), "schema.json"))
	if err != nil {
		log.Fatal(err)
	}
	tfbridge.Main("openstack", provider.Version, provider.Provider(), schema)
}
