"""Baskets for 05_objects."""
import rpyc

from address import serve


class Basket:
    def __init__(self, owner, sale):
        self.exposed_owner = owner
        self.counts = {}
        self.sale = sale

    def exposed_price(self):
        """What all costs; half of it in the sale."""
        full = 3 * len(self.counts) + 4
        return full // 2 if self.sale.on else full

    def __str__(self):
        return "a basket of %s's" % self.exposed_owner

    def __len__(self):
        return len(self.counts)

    def __getitem__(self, name):
        return self.counts[name]

    def __setitem__(self, name, count):
        self.counts[name] = count

    def __delitem__(self, name):
        del self.counts[name]

    def __contains__(self, name):
        return name in self.counts

    def __iter__(self):
        return iter(sorted(self.counts))

    def __eq__(self, other):
        return self is other

    def __hash__(self):
        return id(self)


class Sale:
    on = False

    def __enter__(self):
        self.on = True
        return self

    def __exit__(self, kind, value, traceback):
        self.on = False


Basket.__module__ = Sale.__module__ = "shop"


class ShopService(rpyc.Service):
    def on_connect(self, conn):
        self.the_sale = Sale()
        self.the_basket = Basket("Ada", self.the_sale)
        self.the_basket["apples"] = 3

    def exposed_basket(self):
        return self.the_basket

    def exposed_new_basket(self):
        return Basket("Ada", self.the_sale)

    def exposed_sale(self):
        return self.the_sale


serve(ShopService, allow_setattr=True)
