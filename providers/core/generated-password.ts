/** Letters and digits that are not taken for one another, and need no quotes in any shell or file. */
const CLASSES = ["ABCDEFGHJKLMNPQRSTUVWXYZ", "abcdefghijkmnpqrstuvwxyz", "23456789"] as const;
const ALPHABET = CLASSES.join("");
const LENGTH = 24;

/** A new password out of random bytes: 24 characters, some of each class, about 139 bits. */
export function generatePassword(random: (bytes: number) => Buffer): string {
  // The largest multiple of the alphabet's length: bytes above it would favour its first characters.
  const fair = 256 - (256 % ALPHABET.length);
  for (;;) {
    let password = "";
    while (password.length < LENGTH)
      for (const byte of random(LENGTH))
        if (byte < fair && password.length < LENGTH) password += ALPHABET[byte % ALPHABET.length];
    if (CLASSES.every((characters) => [...password].some((one) => characters.includes(one)))) return password;
  }
}
