// Takes the place of the file of this name while the provider is built (rehearsal/gobuild.py).
//
// The component resources (Helm v4 Chart, YAML v2, Kustomize v2) are written against the provider's Go SDK: 66
// generated packages, more than half of the program. Without them nothing else of the provider is missing.

package provider

import (
	"context"
	"fmt"

	providerresource "github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/provider/resource"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
)

var resourceProviders = map[string]providerresource.ResourceProviderFactory{}

// Construct refuses every component resource, by its type's name.
func (k *kubeProvider) Construct(_ context.Context, req *pulumirpc.ConstructRequest) (*pulumirpc.ConstructResponse, error) {
	return nil, fmt.Errorf(
		"the rehearsal's Kubernetes provider is built without component resources, and %s is one. "+
			"Use helm.sh/v3:Release, or single objects", req.GetType())
}
