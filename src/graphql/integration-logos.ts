/** Logos of integrations. */
import type { Logo } from '../catalog/logos.ts'
import { builder } from './builder.ts'
import { IntegrationType } from './integrations.ts'

const IntegrationLogo = builder.objectRef<Logo>('IntegrationLogo').implement({
  description: 'The mark of a service, from an icon set that is openly licensed. Trademarks stay their owners’.',
  fields: t => ({
    url: t.string({
      description: 'An SVG in the colour of the brand, 24 by 24, at the gateway’s address; it needs no key.',
      resolve: ({ path }, _args, { services }) => new URL(path, services.publicUrl()).href,
    }),
    color: t.exposeString('color', { description: 'The colour of the brand, such as `#FF7A59`.' }),
    license: t.exposeString('license', { description: 'The SPDX identifier of the drawing’s licence.' }),
    source: t.exposeString('source', { description: 'Where the icon set has it from.' }),
  }),
})

builder.objectField(IntegrationType, 'logo', t =>
  t.field({
    type: IntegrationLogo,
    nullable: true,
    description: 'Its mark; null where the built-in integrations have none that is openly licensed.',
    resolve: ({ definition }, _args, { services }) => services.logos.of(definition),
  }),
)
