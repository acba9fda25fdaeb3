// Takes the place of the file of this name while ExternalDNS is built (rehearsal/gobuild.py).
//
// ExternalDNS has 28 DNS providers, and their clients are most of the program. The rehearsal plays AWS alone.

package factory

import (
	"context"
	"fmt"

	"sigs.k8s.io/external-dns/endpoint"
	"sigs.k8s.io/external-dns/pkg/apis/externaldns"
	"sigs.k8s.io/external-dns/provider"
	"sigs.k8s.io/external-dns/provider/aws"
)

// Select makes the provider for Route 53 and refuses every other one by its name.
func Select(
	ctx context.Context, cfg *externaldns.Config, domains *endpoint.DomainFilter,
) (provider.Provider, error) {
	if cfg.Provider != externaldns.ProviderAWS {
		return nil, fmt.Errorf("the rehearsal's ExternalDNS is built with the provider aws alone, and --provider is %s",
			cfg.Provider)
	}
	route53, err := aws.New(ctx, cfg, domains)
	if err == nil && cfg.ProviderCacheTime > 0 {
		return provider.NewCachedProvider(route53, cfg.ProviderCacheTime), nil
	}
	return route53, err
}
