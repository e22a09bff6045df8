// Writes schema.json for the plugin.
package main

import (
	"labplan/openstack-plugin/provider"

	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfgen"
)

func main() { tfgen.Main("openstack", provider.Version, provider.Provider()) }
