/** A lab of `count` isolated networks, each with one small diskless machine that stays off, on one backend. */
export function pairsConfig(count: number, backend: object): object {
  const numbers = Array.from({ length: count }, (_, index) => index);
  const network = (n: number) => ({
    backend: "b",
    mode: "isolated",
    cidr: `10.${64 + (n >> 8)}.${n & 255}.0/24`,
    dhcp: false,
  });
  const machine = (n: number) => ({
    backend: "b",
    memory: "64 MiB",
    networks: [`n${n}`],
    boot: ["network"],
    running: false,
  });
  return {
    backends: { b: backend },
    networks: Object.fromEntries(numbers.map((n) => [`n${n}`, network(n)])),
    machines: Object.fromEntries(numbers.map((n) => [`m${n}`, machine(n)])),
  };
}
