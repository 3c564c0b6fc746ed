/**
 * URLs that try to reach an address of the gateway's own network, by the trick they use.
 *
 * Written for this project after the kinds collected by PayloadsAllTheThings (swisskyrepo), and by the tests of
 * request-filtering-agent (azu), private-ip (frenchbread) and ssrfcheck (felippe-regazio), all MIT.
 */

/** `PORT` stands for the port of a listener that must not be reached; a URL without one means the scheme's own. */
export const ssrfVectors: Readonly<Record<string, readonly string[]>> = {
  'the plain address': [
    ...['https://127.0.0.1:PORT/', 'https://127.0.0.1/', 'http://127.0.0.1:PORT/', 'http://127.0.0.1/admin'],
    ...['https://127.0.0.2:PORT/', 'https://127.127.127.127:PORT/', 'https://0.0.0.0:PORT/', 'https://[::1]:PORT/'],
    ...[
      'https://[::]:PORT/',
      'https://10.0.0.1/',
      'https://172.16.0.1/',
      'https://192.168.0.1/',
      'https://100.64.0.1/',
    ],
  ],
  'cloud metadata': [
    ...['http://169.254.169.254/latest/meta-data/', 'https://169.254.169.254/', 'https://[fd00:ec2::254]/'],
    ...['https://[fd20:ce::254]/', 'https://100.100.100.200/', 'https://192.0.0.192/', 'https://168.63.129.16/'],
    ...['https://169.254.170.2/v2/credentials', 'https://metadata.google.internal/computeMetadata/v1/'],
  ],
  'short IPv4': [
    'https://127.1:PORT/',
    'https://127.0.1:PORT/',
    'https://127.257:PORT/',
    'https://0:PORT/',
    'https://10.1/',
  ],
  'decimal IPv4': ['https://2130706433:PORT/', 'https://2852039166/', 'https://3232235521/', 'https://127.1.257:PORT/'],
  'octal IPv4': [
    ...['https://0177.0.0.1:PORT/', 'https://017700000001:PORT/', 'https://0177.1:PORT/', 'https://127.0.0.01:PORT/'],
    ...['https://0000177.0.0.01:PORT/', 'https://012.1/', 'https://0251.0376.0251.0376/', 'https://00.0.0.0:PORT/'],
  ],
  'hexadecimal IPv4': [
    ...['https://0x7f000001:PORT/', 'https://0x7f.0x0.0x0.0x1:PORT/', 'https://0X7F.1:PORT/', 'https://0x7f.0.1:PORT/'],
    ...['https://0xa9fea9fe/', 'https://0xA9.0xFE.0xA9.0xFE/', 'https://0x:PORT/', 'https://0x0:PORT/'],
  ],
  'mixed IPv4': ['https://0x7f.0.0.01:PORT/', 'https://127.0x0.00.1:PORT/', 'https://0177.0x1:PORT/'],
  'IPv4 inside IPv6': [
    ...[
      'https://[::ffff:127.0.0.1]:PORT/',
      'https://[::ffff:7f00:1]:PORT/',
      'https://[0:0:0:0:0:FFFF:7F00:0001]:PORT/',
    ],
    ...['https://[::127.0.0.1]:PORT/', 'https://[::7f00:1]:PORT/', 'https://[::ffff:0:127.0.0.1]:PORT/'],
    ...['https://[64:ff9b::127.0.0.1]:PORT/', 'https://[64:ff9b:1::7f00:1]:PORT/', 'https://[2002:7f00:1::]:PORT/'],
    ...['https://[2001:0:7f00:1::]:PORT/', 'https://[::ffff:0.0.0.0]:PORT/', 'https://[::ffff:169.254.169.254]/'],
    ...['https://[2002:a9fe:a9fe::]/', 'https://[64:ff9b::a9fe:a9fe]/', 'https://[::ffff:a00:1]/'],
  ],
  'IPv6 spellings': [
    ...[
      'https://[0:0:0:0:0:0:0:1]:PORT/',
      'https://[0000::0001]:PORT/',
      'https://[::0.0.0.1]:PORT/',
      'https://[0::]:PORT/',
    ],
    ...['https://[fe80::1]/', 'https://[FC00::1]/', 'https://[fdff::1]/', 'https://[fec0::1]/', 'https://[ff02::1]/'],
    ...[
      'https://[5f00::1]/',
      'https://[3fff::1]/',
      'https://[2001:db8::1]/',
      'https://[100::1]/',
      'https://[4000::1]/',
    ],
  ],
  'zone ids': [
    'https://[::1%25lo]:PORT/',
    'https://[::1%lo]:PORT/',
    'https://[fe80::1%25eth0]/',
    'https://[fe80::1%eth0]/',
  ],
  'trailing dots': [
    ...['https://127.0.0.1.:PORT/', 'https://localhost.:PORT/', 'https://127.1.:PORT/', 'https://2130706433.:PORT/'],
    ...['https://0x7f000001.:PORT/', 'https://127.0.0.1..:PORT/', 'https://[::1].:PORT/', 'https://127.0.0.1%2e:PORT/'],
  ],
  'fullwidth and circled digits and dots': [
    ...[
      'https://①②⑦.⓪.⓪.①:PORT/',
      'https://１２７.０.０.１:PORT/',
      'https://127。0。0。1:PORT/',
      'https://127．0．0．1:PORT/',
    ],
    ...['https://127｡0｡0｡1:PORT/', 'https://⑯⑨。②⑤④。⑯⑨｡②⑤④/', 'https://𝟏𝟐𝟕.𝟎.𝟎.𝟏:PORT/', 'https://²130706433:PORT/'],
    ...[
      'https://０ｘ7f.1:PORT/',
      'https://[：：１]:PORT/',
      'https://ｌｏｃａｌｈｏｓｔ:PORT/',
      'https://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ:PORT/',
    ],
  ],
  'characters a host loses': [
    ...['https://127.0.0.1\u00ad:PORT/', 'https://12\u200b7.0.0.1:PORT/', 'https://local\u00adhost:PORT/'],
    ...['https://127.0\ufe0f.0.1:PORT/', 'https://%31%32%37.0.0.1:PORT/', 'https://127%2e0%2e0%2e1:PORT/'],
    ...['https://%6c%6f%63%61%6c%68%6f%73%74:PORT/', 'https://127.0.0.1%00.api.test.example:PORT/'],
  ],
  'names of this machine': [
    ...[
      'https://localhost:PORT/',
      'https://LOCALHOST:PORT/',
      'https://ip6-localhost:PORT/',
      'https://ip6-loopback:PORT/',
    ],
    ...['https://localhost.localdomain:PORT/', 'https://a.localhost:PORT/', 'http://localhost/', 'https://localhost/'],
  ],
  'names that lead here': [
    ...['https://127.0.0.1.nip.io:PORT/', 'https://7f000001.nip.io:PORT/', 'https://spoofed.example.com:PORT/'],
    ...['https://xn--lead-here-9za.example:PORT/', 'https://léad-hère.example:PORT/', 'https://a_b.example.com:PORT/'],
  ],
  userinfo: [
    ...['https://api.test.example@127.0.0.1:PORT/', 'https://user:pass@127.0.0.1:PORT/', 'https://@127.0.0.1:PORT/'],
    ...['https://127.0.0.1:PORT@127.0.0.2:PORT/', 'https://a@b@127.0.0.1:PORT/', 'https://%40127.0.0.1:PORT/'],
    ...['https://api.test.example%40127.0.0.1:PORT/', 'https://api.test.example＠127.0.0.1:PORT/'],
  ],
  'separators that parsers disagree on': [
    ...[
      'https://127.0.0.1:PORT\\@api.test.example/',
      'https://api.test.example\\@127.0.0.1:PORT/',
      '\\\\127.0.0.1:PORT\\',
    ],
    ...['https://api.test.example#@127.0.0.1:PORT/', 'https://127.0.0.1:PORT#.api.test.example/', '//127.0.0.1:PORT/'],
    ...[
      'https://127.0.0.1:PORT?.api.test.example/',
      'https:\\\\127.0.0.1:PORT/',
      '///127.0.0.1:PORT/',
      '/\\127.0.0.1:PORT/',
    ],
    ...['https:127.0.0.1:PORT/', 'https:/127.0.0.1:PORT/', 'https:///127.0.0.1:PORT/', 'HTTPS:////127.0.0.1:PORT/'],
    ...[
      'https://127.0.0.1／.api.test.example:PORT/',
      'https://127.0.0.1？.api.test.example:PORT/',
      '//①②⑦.0.0.1:PORT/',
    ],
    ...[
      'https://127.0.0.1\t:PORT/',
      'https://127.0.0.1\r\n:PORT/',
      ' https://127.0.0.1:PORT/',
      'ht\ntps://127.0.0.1:PORT/',
    ],
    ...['https://127.0.0.1 :PORT/', 'https://127.0.0.1;api.test.example:PORT/', 'https://[::1]api.test.example:PORT/'],
  ],
  ports: [
    ...['https://127.0.0.1:0PORT/', 'https://127.0.0.1:00000PORT/', 'https://127.0.0.1:/', 'https://127.0.0.1:0/'],
    ...[
      'https://127.0.0.1:65536/',
      'https://127.0.0.1:PORT:PORT/',
      'https://127.0.0.1:+PORT/',
      'https://127.0.0.1:٨٠/',
    ],
    ...['https://127.0.0.1:22/', 'https://127.0.0.1:80/', 'http://127.0.0.1:443/', 'https://127.0.0.1:6379/'],
  ],
  schemes: [
    ...['ftp://127.0.0.1:PORT/', 'ws://127.0.0.1:PORT/', 'wss://127.0.0.1:PORT/', 'gopher://127.0.0.1:PORT/_GET'],
    ...[
      'file:///etc/passwd',
      'file://127.0.0.1:PORT/x',
      'dict://127.0.0.1:PORT/',
      'data:text/plain,x',
      'blob:https://127.0.0.1:PORT/x',
    ],
    ...[
      'jar:https://127.0.0.1:PORT!/',
      'http+unix://%2Fvar%2Frun%2Fdocker.sock/',
      'javascript:0',
      'tcp://127.0.0.1:PORT/',
    ],
  ],
}
