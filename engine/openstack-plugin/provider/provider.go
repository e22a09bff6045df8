// Package provider maps terraform-provider-openstack to the tokens of the npm
// package @pulumi/openstack (tokens.txt). What has no token there is left out.
package provider

import (
	_ "embed"
	"regexp"
	"strings"

	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge"
	shim "github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfshim"
	shimv2 "github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfshim/sdk-v2"
	ptokens "github.com/pulumi/pulumi/sdk/v3/go/common/tokens"
	"github.com/terraform-provider-openstack/terraform-provider-openstack/openstack"
)

// Version is the npm package's; the build sets it with -ldflags -X.
var Version = "0.0.0"

const (
	resource = "resource"
	function = "function"
)

// Lines of "resource TOKEN" and "function TOKEN".
//
//go:embed tokens.txt
var tokenList string

// The npm package's name for the first word of a Terraform name.
var modules = map[string]string{"lb": "loadbalancer", "fw": "firewall", "db": "database"}

// Tokens that no rule derives.
var irregular = map[string]string{
	"resource openstack_objectstorage_object_v1":                "openstack:objectstorage/containerObject:ContainerObject",
	"function openstack_dns_zone_v2":                            "openstack:dns/getDnsZone:getDnsZone",
	"function openstack_fw_group_v2":                            "openstack:index/getFwGroupV2:getFwGroupV2",
	"function openstack_fw_policy_v2":                           "openstack:index/getFwPolicyV2:getFwPolicyV2",
	"function openstack_fw_rule_v2":                             "openstack:index/getFwRuleV2:getFwRuleV2",
	"function openstack_sharedfilesystem_availability_zones_v2": "openstack:sharedfilesystem/getAvailbilityZones:getAvailbilityZones",
}

var terraformName = regexp.MustCompile(`^openstack_([a-z]+)_(.*)_(v\d+)$`)

// The npm package spells "quota" as "quote" in some places.
func normal(name string) string {
	return strings.ReplaceAll(strings.ToLower(name), "quote", "quota")
}

// tokenMap has each token of the npm package once.
type tokenMap struct {
	byName map[string]string
	taken  map[string]bool
}

func readTokens() *tokenMap {
	tokens := &tokenMap{byName: map[string]string{}, taken: map[string]bool{}}
	for _, line := range strings.Split(strings.TrimSpace(tokenList), "\n") {
		kind, token, _ := strings.Cut(line, " ")
		parts := strings.Split(token, ":") // openstack, compute/instance, Instance
		module, _, _ := strings.Cut(parts[1], "/")
		tokens.byName[normal(kind+" "+module+" "+parts[2])] = token
	}
	return tokens
}

// take finds the token of a Terraform name that no other name has taken, or "".
func (t *tokenMap) take(kind, name string) string {
	token := t.find(kind, name)
	if token == "" || t.taken[token] {
		return ""
	}
	t.taken[token] = true
	return token
}

func (t *tokenMap) find(kind, name string) string {
	if token, ok := irregular[kind+" "+name]; ok {
		return token
	}
	match := terraformName.FindStringSubmatch(name)
	if match == nil {
		return ""
	}
	module, subject, version := match[1], strings.ReplaceAll(match[2], "_", ""), match[3]
	if other, ok := modules[module]; ok {
		module = other
	}
	if kind == function {
		subject = "get" + subject
	}
	for _, spelling := range []string{subject + version, subject} {
		if token, ok := t.byName[normal(kind+" "+module+" "+spelling)]; ok {
			return token
		}
	}
	return ""
}

// Provider describes the provider to the bridge.
func Provider() tfbridge.ProviderInfo {
	upstream := shimv2.NewProvider(openstack.Provider())
	info := tfbridge.ProviderInfo{
		P:            upstream,
		Name:         "openstack",
		Version:      Version,
		DisplayName:  "OpenStack",
		Description:  "OpenStack resources, for the npm package @pulumi/openstack.",
		License:      "Apache-2.0",
		GitHubOrg:    "terraform-provider-openstack",
		MetadataInfo: tfbridge.NewProviderMetadata([]byte("{}")),
		Resources:    map[string]*tfbridge.ResourceInfo{},
		DataSources:  map[string]*tfbridge.DataSourceInfo{},
	}
	tokens := readTokens()
	upstream.ResourcesMap().Range(func(name string, _ shim.Resource) bool {
		if token := tokens.take(resource, name); token != "" {
			info.Resources[name] = &tfbridge.ResourceInfo{Tok: ptokens.Type(token)}
		} else {
			info.IgnoreMappings = append(info.IgnoreMappings, name)
		}
		return true
	})
	upstream.DataSourcesMap().Range(func(name string, _ shim.Resource) bool {
		if token := tokens.take(function, name); token != "" {
			info.DataSources[name] = &tfbridge.DataSourceInfo{Tok: ptokens.ModuleMember(token)}
		}
		return true
	})
	renameFields(info)
	info.SetAutonaming(255, "-")
	return info
}

// renameFields has the property names that are not the bridge's own choice.
func renameFields(info tfbridge.ProviderInfo) {
	info.Resources["openstack_networking_subnet_v2"].Fields = map[string]*tfbridge.SchemaInfo{
		"allocation_pool":  {Name: "allocationPools"},
		"allocation_pools": {Name: "allocationPoolsCollection"},
	}
	info.Resources["openstack_orchestration_stack_v1"].Fields = map[string]*tfbridge.SchemaInfo{
		"outputs": {Name: "StackOutputs"},
	}
}
