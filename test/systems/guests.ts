import { diskImages, fosAvailable, miniFos } from "./fog/mini";
import { guestAvailable, tinyGuest } from "./libvirt/guest";

/** What tests boot, built from the distribution's packages before a run that reaches no mirror. Kept in `.labplan/cache`. */
export async function buildGuests(): Promise<void> {
  if (!guestAvailable()) await tinyGuest();
  if (fosAvailable()) return;
  await miniFos();
  await diskImages();
}
