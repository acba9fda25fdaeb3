// Command pulumi-resource-kubernetes is Pulumi's own Kubernetes provider.
//
// The module that is served holds the whole provider and no generated schema, so that its own main package does not
// build. This one serves the same package with a schema of the size that is needed here.
package main

import (
	"encoding/json"
	"log"
	"reflect"
	"strings"

	"github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/provider"
	"k8s.io/client-go/kubernetes/scheme"
)

// The version of the program's SDK, pulumi-kubernetes in requirements.txt. The engine warns of a plug-in whose version
// is lower than the one that the program asks for; go.mod tells which source this is.
const version = "4.34.2"

type property struct {
	Ref string `json:"$ref"`
}

type resource struct {
	InputProperties map[string]property `json:"inputProperties"`
}

// schema names each kind's top-level fields. The provider asks for them when it reads an object of which it has no
// inputs, for an import or a get. Kinds and fields are those of the Kubernetes API types that are compiled in.
func schema() ([]byte, error) {
	resources := map[string]resource{}
	for kind, goType := range scheme.Scheme.AllKnownTypes() {
		if _, isObject := goType.FieldByName("ObjectMeta"); !isObject || kind.Version == "__internal" {
			continue
		}
		group := kind.Group
		if group == "" {
			group = "core"
		}
		properties := map[string]property{"apiVersion": anything, "kind": anything}
		for _, field := range reflect.VisibleFields(goType) {
			name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
			if len(field.Index) == 1 && name != "" && name != "status" {
				properties[name] = anything
			}
		}
		resources["kubernetes:"+group+"/"+kind.Version+":"+kind.Kind] = resource{properties}
	}
	return json.Marshal(map[string]interface{}{"name": "kubernetes", "version": version, "resources": resources})
}

var anything = property{Ref: "pulumi.json#/Any"}

func main() {
	bytes, err := schema()
	if err != nil {
		log.Fatal(err)
	}
	provider.Serve("kubernetes", version, bytes, nil)
}
