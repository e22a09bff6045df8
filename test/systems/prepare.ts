import { diskImages, fosAvailable, miniFos } from "./fog/mini";
import { guestAvailable, tinyGuest } from "./libvirt/guest";
import { available as openStackAvailable, seededPlane } from "./openstack/start";

/** What tests boot and start, made from the distribution's packages before a run that reaches no mirror. Kept in `.labplan/cache`. */
export async function prepareSystems(): Promise<void> {
  if (!guestAvailable()) await tinyGuest();
  if (!openStackAvailable()) await seededPlane();
  if (fosAvailable()) return;
  await miniFos();
  await diskImages();
}
