// How a hand fills in settings and draws: with the mouse, or with the keyboard alone.
import { expect, type Locator, type Page } from "@playwright/test";

export interface Place {
  x: number;
  y: number;
}

export interface Hand {
  /** Puts `text` into a field, in place of what stands there. */
  write(field: Locator, text: string): Promise<void>;
  choose(select: Locator, label: string): Promise<void>;
  press(button: Locator): Promise<void>;
}

export async function middle(locator: Locator): Promise<Place> {
  const box = await locator.boundingBox();
  if (!box) throw new Error(`${locator} is not on the screen`);
  return { x: box.x + box.width / 2, y: box.y + box.height / 2 };
}

/** Where a line of the drawing is on the screen, at a share of its length. */
export async function along(line: Locator, share = 0.5): Promise<Place> {
  return line.evaluate((element, share) => {
    const path = element as SVGPathElement;
    const at = path.getPointAtLength(path.getTotalLength() * share).matrixTransform(path.getScreenCTM()!);
    return { x: at.x, y: at.y };
  }, share);
}

export async function drag(page: Page, from: Place, to: Place): Promise<void> {
  await page.mouse.move(from.x, from.y);
  await page.mouse.down();
  await page.mouse.move((from.x + to.x) / 2, (from.y + to.y) / 2);
  await page.mouse.move(to.x, to.y, { steps: 2 });
  await page.mouse.up();
}

export const mouse: Hand = {
  write: async (field, text) => {
    await field.click();
    await field.fill(text);
    await field.blur();
  },
  choose: async (select, label) => void (await select.selectOption(label)),
  press: (button) => button.click(),
};

/** Tab by tab to a control. */
export async function reach(page: Page, control: Locator): Promise<void> {
  // How many stops it is away from what has the focus; backwards when it stands before that.
  const away = await control.evaluate((element) => {
    const focusable = "a[href], button, input, select, textarea, summary, [tabindex]";
    const stops = [...window.document.querySelectorAll<HTMLElement>(focusable)].filter(
      (stop) => stop.tabIndex >= 0 && !stop.matches(":disabled") && stop.checkVisibility(),
    );
    return stops.indexOf(element as HTMLElement) - stops.indexOf(window.document.activeElement as HTMLElement);
  });
  for (let tab = 0; tab < Math.abs(away); tab++) await page.keyboard.press(away < 0 ? "Shift+Tab" : "Tab");
  await expect(control).toBeFocused();
}

export function keyboard(page: Page): Hand {
  const key = (name: string) => page.keyboard.press(name);
  return {
    write: async (field, text) => {
      await reach(page, field);
      await key("Control+a");
      await page.keyboard.insertText(text);
      // What was typed is taken over when the field is left.
      await key("Tab");
    },
    choose: async (select, label) => {
      await reach(page, select);
      await page.keyboard.type(label);
    },
    press: async (button) => {
      await reach(page, button);
      await key("Enter");
    },
  };
}
