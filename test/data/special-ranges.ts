/** Every range that is no place on the public internet: IANA's special-purpose registries and what clouds keep for themselves. */

/** https://www.iana.org/assignments/iana-ipv4-special-registry, RFC 1112, RFC 5771. */
export const ipv4Ranges: readonly (readonly [range: string, what: string])[] = [
  ['0.0.0.0/8', 'this network (RFC 791)'],
  ['10.0.0.0/8', 'private (RFC 1918)'],
  ['100.64.0.0/10', 'shared by carriers (RFC 6598)'],
  ['127.0.0.0/8', 'loopback (RFC 1122)'],
  ['168.63.129.16/32', 'the host of an Azure machine'],
  ['169.254.0.0/16', 'link local, cloud metadata (RFC 3927)'],
  ['172.16.0.0/12', 'private (RFC 1918)'],
  ['192.0.0.0/24', 'protocol assignments (RFC 6890)'],
  ['192.0.2.0/24', 'documentation (RFC 5737)'],
  ['192.31.196.0/24', 'AS112 (RFC 7535)'],
  ['192.52.193.0/24', 'AMT relays (RFC 7450)'],
  ['192.88.99.0/24', '6to4 relays (RFC 7526)'],
  ['192.168.0.0/16', 'private (RFC 1918)'],
  ['192.175.48.0/24', 'AS112 (RFC 7534)'],
  ['198.18.0.0/15', 'benchmarks (RFC 2544)'],
  ['198.51.100.0/24', 'documentation (RFC 5737)'],
  ['203.0.113.0/24', 'documentation (RFC 5737)'],
  ['224.0.0.0/4', 'multicast (RFC 5771)'],
  ['240.0.0.0/4', 'reserved (RFC 1112)'],
  ['255.255.255.255/32', 'broadcast (RFC 919)'],
]

/** https://www.iana.org/assignments/iana-ipv6-special-registry, and all that is not global unicast (RFC 4291 §2.4). */
export const ipv6Ranges: readonly (readonly [range: string, what: string])[] = [
  ['::/128', 'unspecified (RFC 4291)'],
  ['::1/128', 'loopback (RFC 4291)'],
  ['::/96', 'IPv4-compatible (RFC 4291)'],
  ['::ffff:0:0:0/96', 'IPv4-translated (RFC 2765)'],
  ['64:ff9b::/96', 'NAT64 (RFC 6052)'],
  ['64:ff9b:1::/48', 'local NAT64 (RFC 8215)'],
  ['100::/64', 'discard only (RFC 6666)'],
  ['100:0:0:1::/64', 'dummy prefix (RFC 9780)'],
  ['2001::/23', 'protocol assignments (RFC 2928)'],
  ['2001::/32', 'Teredo (RFC 4380)'],
  ['2001:1::1/128', 'port control anycast (RFC 7723)'],
  ['2001:2::/48', 'benchmarks (RFC 5180)'],
  ['2001:3::/32', 'AMT relays (RFC 7450)'],
  ['2001:4:112::/48', 'AS112 (RFC 7535)'],
  ['2001:10::/28', 'ORCHID (RFC 4843)'],
  ['2001:20::/28', 'ORCHIDv2 (RFC 7343)'],
  ['2001:30::/28', 'drone remote ids (RFC 9374)'],
  ['2001:db8::/32', 'documentation (RFC 3849)'],
  ['2002::/16', '6to4 (RFC 3056)'],
  ['2620:4f:8000::/48', 'AS112 (RFC 7534)'],
  ['3fff::/20', 'documentation (RFC 9637)'],
  ['5f00::/16', 'segment routing (RFC 9602)'],
  ['fc00::/7', 'unique local (RFC 4193)'],
  ['fe80::/10', 'link local (RFC 4291)'],
  ['fec0::/10', 'site local (RFC 3879)'],
  ['ff00::/8', 'multicast (RFC 4291)'],
  ['::/3', 'below global unicast'],
  ['4000::/2', 'above global unicast'],
  ['8000::/1', 'above global unicast'],
]

/** IPv6 spellings that carry an IPv4 address, and what the IPv6 address then is; `::ffff:0:0/96` is judged as its IPv4. */
export const carriers: readonly (readonly [what: string, carry: (ipv4: string) => string])[] = [
  ['compatible', ipv4 => `::${ipv4}`],
  ['translated', ipv4 => `::ffff:0:${ipv4}`],
  ['NAT64', ipv4 => `64:ff9b::${ipv4}`],
  ['local NAT64', ipv4 => `64:ff9b:1::${ipv4}`],
  ['6to4', ipv4 => `2002:${hexPair(ipv4)}::1`],
  ['Teredo server', ipv4 => `2001:0:${hexPair(ipv4)}::1`],
  ['Teredo client', ipv4 => `2001:0:101:101::${hexPair(ipv4, 0xffff)}`],
  ['link local', ipv4 => `fe80::5efe:${ipv4}`],
]

function hexPair(ipv4: string, mask = 0): string {
  const [a = 0, b = 0, c = 0, d = 0] = ipv4.split('.').map(Number)
  return [a * 256 + b, c * 256 + d].map(part => (part ^ mask).toString(16)).join(':')
}

/** Places on the public internet, close to the ranges above. */
export const publicAddresses: readonly string[] = [
  ...['1.1.1.1', '8.8.8.8', '9.255.255.255', '11.0.0.0', '100.63.255.255', '100.128.0.0', '126.255.255.255'],
  ...['128.0.0.0', '168.63.129.15', '168.63.129.17', '169.253.255.255', '169.255.0.0', '172.15.255.255'],
  ...['172.32.0.0', '192.0.1.0', '192.0.3.0', '192.167.255.255', '192.169.0.0', '198.17.255.255', '198.20.0.0'],
  ...['203.0.112.255', '203.0.114.0', '223.255.255.255', '93.184.215.14', '::ffff:8.8.8.8', '::ffff:808:808'],
  ...['2001:200::1', '2001:4860:4860::8888', '2003::1', '2400:cb00::1', '2606:4700:4700::1111', '2a00:1450::1'],
]

/** What a resolver never answers: neither text can be an address that is dialled. */
export const noAddresses: readonly string[] = [
  ...['', 'localhost', '127.1', '0x7f.0.0.1', '2130706433', '010.0.0.1', '1.1.1.1.', '1.1.1', '[::1]', '[2606::1]'],
  ...['1.1.1.1/32', ' 1.1.1.1', '1.1.1.1 ', '1.1.1.1\n', '①.1.1.1', '1.1.1.256', '2606::1::2', '2606:4700::1/128'],
  ...['%', '%eth0', '1.1.1.1%', '1.1.1.1%eth0', ':::', '::ffff:8.8.8', '::ffff:010.8.8.8'],
]
